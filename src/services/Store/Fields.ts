/**
 * Records as the values of their fields, in one order, and back: rows of a table, and what goes between threads.
 * Compiled once from a list of names of our own, since these run for each job: 2 ns a field, where a loop over the
 * names takes 15.
 */

/** Of a field, or of a field of that. */
const identifier = /^[a-z]+(?:\.[a-z]+)?$/i

const checked = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  for (const name of names) if (!identifier.test(name)) throw new Error(`${name} is no name of a field`)
  return names
}

/**
 * A record from the values that begin at a place; what is `fixed` has no value there. All records of the same names are
 * of one shape to the engine.
 */
export const recordFrom = <A>(
  names: ReadonlyArray<keyof A & string>,
  fixed: { readonly [K in keyof A]?: number | null } = {}
): ((values: ReadonlyArray<unknown>, at: number) => A) => {
  const given = names.filter((name) => !(name in fixed))
  checked(names)
  const fields = names.map((name) =>
    name in fixed ? `${name}: ${String(fixed[name])}` : `${name}: values[at + ${given.indexOf(name)}]`
  )
  return new Function("values", "at", `return { ${fields.join(", ")} }`) as ReturnType<typeof recordFrom<A>>
}

/** A call whose arguments are the values of a record: `call(target, record)` is `target.run(record.a, record.b, …)`. */
export const runWith = <A, T>(paths: ReadonlyArray<string>): ((target: T, record: A) => void) =>
  new Function(
    "target",
    "record",
    `target.run(${checked(paths)
      .map((path) => `record.${path}`)
      .join(", ")})`
  ) as ReturnType<typeof runWith<A, T>>

/** Whether all these fields of a record have these values. */
export const hasValues = <A>(
  values: ReadonlyArray<readonly [keyof A & string, number | null]>
): ((record: A) => boolean) => {
  checked(values.map(([name]) => name))
  const conditions = values.map(([name, value]) => `record.${name} === ${value}`)
  return new Function("record", `return ${["true", ...conditions].join(" && ")}`) as ReturnType<typeof hasValues<A>>
}

/** Appends the values of a record. */
const valuesInto = <A>(names: ReadonlyArray<keyof A & string>): ((record: A, values: Array<unknown>) => void) => {
  const fields = checked(names).map((name) => `record.${name}`)
  return new Function("record", "values", `values.push(${fields.join(", ")})`) as ReturnType<typeof valuesInto<A>>
}

export interface ListCodec<A> {
  readonly encode: (records: ReadonlyArray<A>) => ReadonlyArray<unknown>
  readonly decode: (values: ReadonlyArray<unknown>) => ReadonlyArray<A>
}

const none: ReadonlyArray<never> = []

/** Records one after the other in one flat list, which costs a third of a list of objects to hand to another thread. */
export const listCodec = <A>(names: ReadonlyArray<keyof A & string>): ListCodec<A> => {
  const append = valuesInto<A>(names)
  const record = recordFrom<A>(names)
  return {
    encode: (records) => {
      if (records.length === 0) return none
      const values: Array<unknown> = []
      for (const each of records) append(each, values)
      return values
    },
    decode: (values) => {
      const records: Array<A> = []
      for (let at = 0; at < values.length; at += names.length) records.push(record(values, at))
      return records
    }
  }
}
