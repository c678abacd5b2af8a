/**
 * A picture as PNG: its SVG drawn by resvg, with a font of its own (B612), so that it looks the same on a server without fonts. Light, two pixels for
 * one. The renderer (2.5 MB of WebAssembly) is loaded when the first PNG is drawn.
 */
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import type { Picture } from "./Picture.ts"
import { pictureSvg } from "./PictureSvg.ts"

const bytesOf = (specifier: string): Promise<Uint8Array<ArrayBuffer>> =>
  readFile(createRequire(import.meta.url).resolve(specifier)) as Promise<Uint8Array<ArrayBuffer>>

let renderer: Promise<typeof import("@resvg/resvg-wasm").Resvg> | undefined
const loaded = () => {
  renderer ??= (async () => {
    const { initWasm, Resvg } = await import("@resvg/resvg-wasm")
    await initWasm(await bytesOf("@resvg/resvg-wasm/index_bg.wasm"))
    return Resvg
  })()
  return renderer
}

const fonts = ["400", "700"].map((weight) => `@fontsource/b612/files/b612-latin-${weight}-normal.woff2`)

export const picturePng = async (picture: Picture): Promise<Uint8Array> => {
  const Resvg = await loaded()
  const fontBuffers = await Promise.all(fonts.map(bytesOf))
  const drawing = new Resvg(pictureSvg(picture, "light"), {
    font: { fontBuffers, defaultFontFamily: "B612", sansSerifFamily: "B612" },
    fitTo: { mode: "zoom", value: 2 }
  })
  try {
    return drawing.render().asPng()
  } finally {
    drawing.free()
  }
}
