// Package types has the generic types of the contract.
package types

// What Option.Tag says.
const (
	OptionNone = 0
	OptionSome = 1
)

// Option is a value that may be missing.
type Option[T any] struct {
	isSome bool
	value  T
}

// Some is a value that is there.
func Some[T any](value T) Option[T] { return Option[T]{true, value} }

// None is one that isn't.
func None[T any]() Option[T] { return Option[T]{} }

// Tag says which of both it is.
func (option Option[T]) Tag() uint8 {
	if option.isSome {
		return OptionSome
	}
	return OptionNone
}

// Some returns the value.
func (option Option[T]) Some() T {
	if !option.isSome {
		panic("there is no value")
	}
	return option.value
}

// What Result.Tag says.
const (
	ResultOk  = 0
	ResultErr = 1
)

// Result is an answer, or why there is none.
type Result[T, E any] struct {
	isErr bool
	value T
	err   E
}

// Ok is an answer.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{value: value} }

// Err is why there is none.
func Err[T, E any](err E) Result[T, E] { return Result[T, E]{isErr: true, err: err} }

// Tag says which of both it is.
func (result Result[T, E]) Tag() uint8 {
	if result.isErr {
		return ResultErr
	}
	return ResultOk
}

// Ok returns the answer.
func (result Result[T, E]) Ok() T {
	if result.isErr {
		panic("there is no answer")
	}
	return result.value
}

// Err returns why there is none.
func (result Result[T, E]) Err() E {
	if !result.isErr {
		panic("there is an answer")
	}
	return result.err
}

// Tuple2 is two values.
type Tuple2[T0, T1 any] struct {
	F0 T0
	F1 T1
}
