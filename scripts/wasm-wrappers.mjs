/**
 * Imported before a process starts threads from the TypeScript sources. Node strips types with a WebAssembly module,
 * one instance a thread; V8 13.6 keeps the compiled wrappers of its imports in one cache for the whole process and,
 * when threads end at the same time, may free one twice: `Check failed: jit_page.has_value()` under
 * `Runtime_TierUpWasmToJSWrapper`, or a segmentation fault (github.com/nodejs/node/issues/64500). A wrapper that is
 * never compiled is never freed. The published package runs JavaScript and has no such thread.
 */
import v8 from "node:v8"

v8.setFlagsFromString("--wasm-wrapper-tiering-budget=1000000000")
