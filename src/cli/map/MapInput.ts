/** What one job of a map is given. */
import type * as Stream from "effect/Stream"
import type { CommandFailure } from "../Failure.ts"

export interface MapInput {
  /** To name the job by: its line, or its inputs with blanks between. */
  readonly text: string
  /** At least one: of each source, column, or line that `-N` put together. */
  readonly inputs: ReadonlyArray<string>
  /** Fields by name. */
  readonly record?: Readonly<Record<string, unknown>>
  /** Why no command can be made of it. */
  readonly problem?: string
}

export type MapInputStream = Stream.Stream<MapInput, CommandFailure>

export const ofText = (text: string): MapInput => ({ text, inputs: [text] })

export const joined = (inputs: ReadonlyArray<string>): MapInput => ({ text: inputs.join(" "), inputs })

const textOf = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : typeof value === "string" ? value : JSON.stringify(value)

const own = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined

/**
 * A field as text: of that very name, else reached by the names between dots, numbers those of elements. Text is taken
 * as it is, numbers, booleans, arrays and objects as JSON. Undefined where it is missing or null.
 */
export const fieldOf = ({ record }: MapInput, name: string): string | undefined =>
  textOf(own(record, name)) ?? textOf(name.split(".").reduce(own, record as unknown))
