//! The contract 0.1: generated from `wit/`. Only `adapter/v0.rs` and `state.rs` use it.

wasmtime::component::bindgen!({
    // One world with all exports of the contract, so that each type exists once in Rust. Which exports a component has is checked one by
    // one, by the claims in its manifest.
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
    with: { "capstan:plugin/object-view.object": crate::object_view::ViewedObject },
});
