//! Scripts for the guest `puppet`, which says what their orders mean.

use proptest::{collection::vec, prelude::*, sample::select};

use super::corpus;

/// A number as a guest may have it.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    Literal(u32),
    /// From the start of the memory that scripts write.
    Arena(u32),
    /// The object's handle.
    Handle,
}

/// One call or computation that the guest makes.
#[derive(Debug, Clone)]
pub enum Order {
    Log([Number; 3]),
    Now,
    Get([Number; 4]),
    Keys([Number; 4]),
    ToJson([Number; 4]),
    Drop(Number),
    /// Writes a number into the arena.
    Put(u32, Number),
    /// Writes bytes into the arena.
    Bytes(u32, Vec<u8>),
    System(u8, u32),
    /// The answer is there.
    Answer(Number),
}

/// A row of orders.
#[derive(Debug, Clone)]
pub struct Script(pub Vec<Order>);

impl Script {
    /// Writes it as the guest reads it.
    pub fn hex(&self) -> String {
        let mut bytes = Vec::new();
        for order in &self.0 {
            order.write(&mut bytes);
        }
        bytes
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

impl Order {
    fn write(&self, bytes: &mut Vec<u8>) {
        let (code, numbers): (u8, &[Number]) = match self {
            Order::Log(numbers) => (0, numbers),
            Order::Now => (1, &[]),
            Order::Get(numbers) => (2, numbers),
            Order::Keys(numbers) => (3, numbers),
            Order::ToJson(numbers) => (4, numbers),
            Order::Drop(number) => (5, std::slice::from_ref(number)),
            Order::Put(at, number) => {
                bytes.push(6);
                bytes.extend(at.to_le_bytes());
                number.write(bytes);
                return;
            }
            Order::Bytes(at, text) => {
                bytes.push(7);
                bytes.extend(at.to_le_bytes());
                bytes.push(u8::try_from(text.len()).unwrap());
                bytes.extend(text);
                return;
            }
            Order::System(what, amount) => {
                bytes.extend([8, *what]);
                bytes.extend(amount.to_le_bytes());
                return;
            }
            Order::Answer(number) => (9, std::slice::from_ref(number)),
        };
        bytes.push(code);
        for number in numbers {
            number.write(bytes);
        }
    }
}

impl Number {
    fn write(self, bytes: &mut Vec<u8>) {
        let (from, word) = match self {
            Number::Literal(word) => (0, word),
            Number::Arena(word) => (1, word),
            Number::Handle => (2, 0),
        };
        bytes.push(from);
        bytes.extend(word.to_le_bytes());
    }
}

/// Scripts of orders by chance, and ones that work with some orders changed.
pub fn scripts() -> impl Strategy<Value = Script> {
    let by_chance = vec(order(), 0..40).prop_map(Script);
    let changed = (
        select(corpus::all()),
        vec((any::<prop::sample::Index>(), change()), 0..4),
    )
        .prop_map(|(script, changes)| {
            let mut orders = script.0;
            for (at, change) in changes {
                let at = at.index(orders.len() + 1);
                match change {
                    Change::Add(order) => orders.insert(at, order),
                    Change::Replace(order) if at < orders.len() => orders[at] = order,
                    Change::Leave if at < orders.len() => drop(orders.remove(at)),
                    Change::Number(number) if at < orders.len() => orders[at].set(number),
                    Change::Replace(_) | Change::Leave | Change::Number(_) => {}
                }
            }
            Script(orders)
        });
    prop_oneof![2 => by_chance, 3 => changed]
}

/// A change of a script.
#[derive(Debug, Clone)]
enum Change {
    Add(Order),
    Replace(Order),
    Leave,
    Number(Number),
}

impl Order {
    /// Puts another number into the order, if it writes one.
    fn set(&mut self, number: Number) {
        if let Order::Put(_, there) | Order::Answer(there) | Order::Drop(there) = self {
            *there = number;
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        order().prop_map(Change::Add),
        order().prop_map(Change::Replace),
        Just(Change::Leave),
        number().prop_map(Change::Number),
    ]
}

fn number() -> BoxedStrategy<Number> {
    // Boxed: in a debug build the frames of large strategies fill a stack.
    prop_oneof![
        4 => (0..24_u32).prop_map(Number::Literal),
        2 => prop_oneof![Just(u32::MAX), Just(i32::MAX.unsigned_abs()), Just(1 << 31), Just(65), Just(65_537), Just(300_000)].prop_map(Number::Literal),
        1 => any::<u32>().prop_map(Number::Literal),
        4 => offset().prop_map(Number::Arena),
        1 => Just(Number::Handle),
    ]
    .boxed()
}

/// Most of what is written is near the start, where answers are.
fn offset() -> impl Strategy<Value = u32> {
    prop_oneof![6 => (0..48_u32).prop_map(|word| word * 4), 1 => 0..256_u32, 1 => 0..65_536_u32]
}

fn order() -> BoxedStrategy<Order> {
    let three = || [number(), number(), number()];
    let four = || [number(), number(), number(), number()];
    prop_oneof![
        1 => three().prop_map(Order::Log),
        1 => Just(Order::Now),
        2 => four().prop_map(Order::Get),
        2 => four().prop_map(Order::Keys),
        2 => four().prop_map(Order::ToJson),
        1 => number().prop_map(Order::Drop),
        12 => (offset(), number()).prop_map(|(at, number)| Order::Put(at, number)),
        3 => (offset(), bytes()).prop_map(|(at, bytes)| Order::Bytes(at, bytes)),
        1 => (any::<u8>(), prop_oneof![0..5000_u32, any::<u32>()]).prop_map(|(what, amount)| Order::System(what, amount)),
        1 => number().prop_map(Order::Answer),
    ]
    .boxed()
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..40),
        "\\PC{0,20}".prop_map(|text| text.into_bytes().into_iter().take(200).collect()),
        select(vec![
            "/spec",
            "/metadata/name",
            "",
            "~",
            "/~2",
            "{}",
            "[",
            "\u{0}",
            "https://[::1]:99999/"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ]
}
