//! The contract 0.1: generated from `wit/`. Only `adapter/v0.rs` and `state.rs` use it.

wasmtime::component::bindgen!({
    // All exports of the contract in one world, so that there is one Rust type of each; which of them a component has is
    // asked export by export, by what its manifest claims.
    inline: "
        package capstan:sandbox;
        world any-plugin {
            import capstan:plugin/host@0.1.0;
            export capstan:plugin/health@0.1.0;
            export capstan:plugin/health-by-view@0.1.0;
            export capstan:plugin/hook@0.1.0;
            export capstan:plugin/delete-policy@0.1.0;
        }
    ",
    path: "../../wit",
    exports: { default: async },
    with: { "capstan:plugin/object-view.object": crate::view::Subject },
});
