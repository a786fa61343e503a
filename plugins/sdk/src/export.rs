//! The macro that makes a component of a plugin.

/// Exports the interfaces of the contract that a plugin answers, each with the type that does.
///
/// ```text
/// capstan_sdk::export!(health: Plugin);
/// capstan_sdk::export!(hook: Plugin, health: Plugin);
/// capstan_sdk::export!(delete_policy: Plugin);
/// ```
///
/// Natively it is empty: a component does not link there, and tests don't need it.
#[macro_export]
macro_rules! export {
    ($($interface:ident : $plugin:ty),+ $(,)?) => {
        $($crate::export_one!($interface $plugin);)+
    };
}

/// Exports one interface.
#[doc(hidden)]
#[macro_export]
macro_rules! export_one {
    (health $plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Guest = $crate::wasm::health::Adapter<$plugin>;
    $crate::wasm::health::bindings::export!(Guest with_types_in $crate::wasm::health::bindings);
        };
        // Natively nothing else uses the plugin, and rustc would report it as dead code.
        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            let _ = <$plugin as $crate::Health>::assess;
        };
    };
    (hook $plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Guest = $crate::wasm::hook::Adapter<$plugin>;
    $crate::wasm::hook::bindings::export!(Guest with_types_in $crate::wasm::hook::bindings);
        };
        // Natively nothing else uses the plugin, and rustc would report it as dead code.
        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            let _ = <$plugin as $crate::HookType>::start;
        };
    };
    (delete_policy $plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Guest = $crate::wasm::policy::Adapter<$plugin>;
    $crate::wasm::policy::bindings::export!(Guest with_types_in $crate::wasm::policy::bindings);
        };
        // Natively nothing else uses the plugin, and rustc would report it as dead code.
        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            let _ = <$plugin as $crate::DeletePolicy>::decide;
        };
    };
    (prepare $plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Guest = $crate::wasm::prepare::Adapter<$plugin>;
    $crate::wasm::prepare::bindings::export!(Guest with_types_in $crate::wasm::prepare::bindings);
        };
        // Natively nothing else uses the plugin, and rustc would report it as dead code.
        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            let _ = <$plugin as $crate::Prepare>::prepare;
        };
    };
}
