/** Says in the log which rows of the store could not be read and were set aside, each once. */
import { Duration, Effect, Layer } from "effect"
import { line } from "../../Text/policy/SafeText.ts"
import { Documents } from "../../Store/Documents.ts"
import { setAsideKind, setAsideRow } from "../../Store/SetAsideRow.ts"
import { layerLed } from "./Leading.ts"

/** Rows named at once; the rest is counted. */
const namedMost = 10

const notice = (told: Set<string>) =>
  Effect.gen(function* () {
    const documents = yield* (yield* Documents).all(setAsideKind)
    const news = documents.filter(({ key, version }) => !told.has(`${version} ${key}`))
    told.clear()
    for (const { key, version } of documents) told.add(`${version} ${key}`)
    for (const document of news.slice(0, namedMost)) {
      const why = setAsideRow(document)?.why ?? "it cannot be told why"
      yield* Effect.logWarning(
        `A row of the store could not be read and was set aside: ${line(document.key)} (${line(why)}); see: sluice db aside`
      )
    }
    if (news.length > namedMost) yield* Effect.logWarning(`And ${news.length - namedMost} rows more`)
  })

export const layer = Layer.suspend(() => layerLed("set-aside", Effect.succeed(Duration.minutes(1)), notice(new Set())))
