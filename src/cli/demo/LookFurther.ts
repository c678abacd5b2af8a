/** Commands that show more of a demo's store, to be pasted into the shell that started it. */
import { shellWord } from "../../services/Text/index.ts"
import { start as startOf } from "../Hint.ts"

type Environment = Readonly<Record<string, string | undefined>>

export const lookFurther = (
  where: { readonly env: Environment; readonly cwd: string },
  demo: {
    readonly store: string
    /** One to look at. */
    readonly jobId: string | undefined
    /** A few names in `cwd` to try a command on. */
    readonly files: ReadonlyArray<string>
  }
): ReadonlyArray<string> => {
  const start = startOf(where)
  const at = `--store ${shellWord(demo.store)}`
  return [
    `${start} job ls ${at}`,
    ...(demo.jobId === undefined ? [] : [`${start} job get ${demo.jobId} ${at}`]),
    `${start} queue stats ${at}`,
    `${start} map 'wc -w -- {}' ::: ${demo.files.map((file) => shellWord(file.startsWith("-") ? `./${file}` : file)).join(" ")}`
  ]
}
