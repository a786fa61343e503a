// Lets a function without a body be linked from Go's own runtime.
