/**
 * A task's schemas compiled for the store's edge: payloads, results, errors and progress as JSON text for stores that
 * rest text, as encoded values for the memory store. Both carry the same: what JSON does not is refused, and what the
 * schema does not name is left out. Where nothing is to be changed the memory store keeps the value as it is: the
 * handler sees the caller's object, so neither may change it afterwards.
 */
import { Schema, SchemaAST } from "effect"
import { enable } from "effect/schema/SchemaJITCompiler"
import { bytesAbove } from "./JsonSize.ts"
import { settled, unsettled } from "../policy/JsonForm.ts"
import type { JobStore } from "../../Store/JobStore.ts"
import type { AnyTask } from "../Task.ts"

export type PayloadForm = JobStore["Service"]["traits"]["payloads"]

/** A store, as far as it says how values rest in it. */
export interface ValuesAtRest {
  readonly payloads: PayloadForm
}

/** One schema both ways. Throws `SchemaError`, `NotJson` (or `SyntaxError` on broken text). */
interface Edge {
  readonly encode: (value: unknown) => unknown
  readonly decode: (stored: unknown) => unknown
  /** The same of JSON that may be of another version of the task: always checked, whichever form rests. */
  readonly decodeJson: (json: unknown) => unknown
  /** Bytes of JSON of what was encoded, when they are more than `most`. */
  readonly bytesAbove: (stored: unknown, most: number) => number | undefined
}

export interface TaskCodec {
  readonly payload: Edge
  readonly success: Edge
  readonly progress: Edge
  /** Errors travel inside a `Failure`, always as JSON values. */
  readonly error: Edge
  /** False: the task declares no error, and whatever its handler fails with is a defect. */
  readonly declaresError: boolean
}

const identity = (value: unknown) => value

/**
 * `own`: what is decoded was encoded here, by the same schema; a value that needs no decoding is then not looked at
 * again.
 */
const makeEdge = (schema: Schema.Codec<any, any>, form: PayloadForm, own = false): Edge => {
  const json = Schema.toCodecJson(schema)
  enable(json.ast)
  enable(SchemaAST.flip(json.ast))
  const encoded = SchemaAST.toEncoded(json.ast)
  const transforms = SchemaAST.toType(json.ast) !== encoded
  const encodeSchema = Schema.encodeUnknownSync(json)
  const decodeValue = Schema.decodeUnknownSync(json)
  const loose = unsettled(encoded, false)
  const encodeValue =
    loose === undefined
      ? encodeSchema
      : (value: unknown) => {
          const given = encodeSchema(value)
          return loose(given) ? settled(given) : given
        }
  if (form === "text") {
    return {
      encode: (value) => JSON.stringify(encodeValue(value)) ?? "null",
      decode: (stored) => decodeValue(JSON.parse(stored as string)),
      decodeJson: decodeValue,
      bytesAbove: bytesAbove.text
    }
  }
  const decode = transforms || !own ? decodeValue : identity
  const changes = unsettled(encoded, true)
  const settledValue = (value: unknown) => {
    const given = encodeSchema(value)
    return changes?.(given) === true ? settled(given) : given
  }
  if (transforms) return { encode: settledValue, decode, decodeJson: decodeValue, bytesAbove: bytesAbove.value }
  const is = Schema.is(json)
  return {
    encode:
      changes === undefined
        ? (value) => (is(value) ? value : settledValue(value))
        : (value) => (is(value) && !changes(value) ? value : settledValue(value)),
    decode,
    decodeJson: decodeValue,
    bytesAbove: bytesAbove.value
  }
}

/** JSON of a task that is not known here, as the store keeps it. Throws `NotJson`. */
export const encodeJson = (value: unknown, { payloads: form }: ValuesAtRest): unknown => {
  const json = settled(value)
  return form === "text" ? JSON.stringify(json) : json
}

const compiled: Record<PayloadForm, WeakMap<AnyTask, TaskCodec>> = { text: new WeakMap(), value: new WeakMap() }

/** The codec of a task for a store; compiled on first use. */
export const taskCodec = (task: AnyTask, { payloads: form }: ValuesAtRest): TaskCodec => {
  const known = compiled[form].get(task)
  if (known !== undefined) return known
  const codec: TaskCodec = {
    payload: makeEdge(task.payload, form, true),
    success: makeEdge(task.success, form),
    progress: makeEdge(task.progress, form),
    error: makeEdge(task.error, "value"),
    declaresError: task.error.ast._tag !== "Never"
  }
  compiled[form].set(task, codec)
  return codec
}
