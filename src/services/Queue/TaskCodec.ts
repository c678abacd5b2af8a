/**
 * A task's schemas compiled for the store's edge: payloads, results, errors and progress as JSON text for stores that rest text, as
 * encoded values for the memory store. Where a schema transforms nothing and the store keeps values, a payload is checked and handed
 * over as it is: the handler sees the caller's object, so neither may change it afterwards.
 */
import { Schema, SchemaAST } from "effect"
import { enable } from "effect/schema/SchemaJITCompiler"
import type { AnyTask } from "./Task.ts"

export type PayloadForm = "text" | "value"

/** One schema both ways. Throws `SchemaError` (or `SyntaxError` on broken text). */
interface Edge {
  readonly encode: (value: unknown) => unknown
  readonly decode: (stored: unknown) => unknown
}

export interface TaskCodec {
  readonly payload: Edge
  readonly success: Edge
  readonly progress: Edge
  /** Errors travel inside a `Failure`, always as JSON values. */
  readonly error: Edge
}

const identity = (value: unknown) => value

const makeEdge = (schema: Schema.Codec<any, any>, form: PayloadForm): Edge => {
  const json = Schema.toCodecJson(schema)
  enable(json.ast)
  enable(SchemaAST.flip(json.ast))
  enable(SchemaAST.toType(json.ast))
  const transforms = SchemaAST.toType(json.ast) !== SchemaAST.toEncoded(json.ast)
  const encodeValue = Schema.encodeUnknownSync(json)
  const decodeValue = Schema.decodeUnknownSync(json)
  if (form === "text") {
    return {
      encode: (value) => JSON.stringify(encodeValue(value)) ?? "null",
      decode: (stored) => decodeValue(JSON.parse(stored as string))
    }
  }
  if (transforms) return { encode: encodeValue, decode: decodeValue }
  const check = Schema.is(json)
  return { encode: (value) => (check(value) ? value : encodeValue(value)), decode: identity }
}

const compiled: Record<PayloadForm, WeakMap<AnyTask, TaskCodec>> = { text: new WeakMap(), value: new WeakMap() }

/** The codec of a task for a form; compiled on first use. */
export const taskCodec = (task: AnyTask, form: PayloadForm): TaskCodec => {
  const known = compiled[form].get(task)
  if (known !== undefined) return known
  const codec: TaskCodec = {
    payload: makeEdge(task.payload, form),
    success: makeEdge(task.success, form),
    progress: makeEdge(task.progress, form),
    error: makeEdge(task.error, "value")
  }
  compiled[form].set(task, codec)
  return codec
}
