/** A picture into a file, of the kind its name ends in. */
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { type CommandFailure, fail } from "../Failure.ts"
import { Invocation } from "../Invocation.ts"
import type { Picture } from "./Picture.ts"
import { type FiguresTable, pictureHtml } from "./PictureHtml.ts"
import { pictureSvg } from "./PictureSvg.ts"

const kinds = [".svg", ".html"] as const

export const pictureFlag = Flag.String("output").pipe(
  Flag.withAlias("o"),
  Flag.withMetavar("FILE"),
  Flag.withDescription("write a picture: .svg or .html"),
  Flag.optional
)

/** Fails with `usage` before any work is done when the name ends in nothing known. Answers the absolute path. */
export const pictureFile = (file: string): Effect.Effect<string, CommandFailure, Invocation> =>
  Effect.flatMap(Invocation, ({ cwd }) =>
    kinds.some((kind) => file.toLowerCase().endsWith(kind))
      ? Effect.succeed(path.resolve(cwd, file))
      : Effect.fail(fail("usage", `${JSON.stringify(file)} is no picture; its name must end in .svg or .html`))
  )

/** Replaces what is there. */
export const writePicture = (
  file: string,
  picture: Picture,
  tables: ReadonlyArray<FiguresTable>
): Effect.Effect<void, CommandFailure> =>
  Effect.tryPromise({
    try: async () => {
      const isPage = path.extname(file).toLowerCase() === ".html"
      await writeFile(file, isPage ? pictureHtml(picture, tables) : pictureSvg(picture, "auto"))
    },
    catch: (error) =>
      fail("failure", `the picture cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  })
