/** Conditions on a column that its readers rely on, as SQL. */

/** A condition on a column that is not null, and what to say of a value that does not meet it. */
export interface Rule {
  readonly holds: (column: string) => string
  readonly otherwise: string
}

export const within = (least: number, most: number, types: string, otherwise: string): Rule => ({
  holds: (column) => `typeof(${column}) IN (${types}) AND ${column} BETWEEN ${least} AND ${most}`,
  otherwise
})

export const text: Rule = {
  holds: (column) => `typeof(${column}) = 'text' AND instr(${column}, char(0)) = 0`,
  otherwise: "is no text"
}
/** Checked again where it is read (`storedName`). */
export const name: Rule = {
  holds: (column) =>
    `typeof(${column}) <> 'integer' OR ${column} BETWEEN ${-Number.MAX_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER}`,
  otherwise: "is no name"
}
export const anyText: Rule = { holds: (column) => `typeof(${column}) = 'text'`, otherwise: "is no text" }
const largest = Number.MAX_SAFE_INTEGER
export const integer = within(-largest, largest, "'integer'", "is no whole number that can be counted with")
export const count = within(0, largest, "'integer'", "is no count")
export const attempts = within(0, 2 ** 31, "'integer'", "is no number of attempts")
export const slots = within(1, largest, "'integer'", "is no number of slots")
/** Above 0: what costs nothing would start without end. */
export const cost = within(Number.MIN_VALUE, largest, "'integer', 'real'", "is no cost")
export const number = within(-largest, largest, "'integer', 'real'", "is no number that can be counted with")
/** Of `Date`. */
export const time = within(-8.64e15, 8.64e15, "'integer', 'real'", "is no time")
/** Ids and numbers of rows leave room above: the next is larger than all that are there. */
export const id = within(1, 9e15, "'integer'", "is no id")
export const among = (least: number, most: number): Rule =>
  within(least, most, "'integer'", "is none of the known codes")

type JsonType = "object" | "array" | "text" | "number"

const jsonTypes: Readonly<Record<JsonType, string>> = {
  object: "'object'",
  array: "'array'",
  text: "'text'",
  number: "'integer', 'real'"
}

/** JSON text of this type, whose fields have these types where they are there. */
export const json = (type: "object" | "array", fields: Readonly<Record<string, JsonType>> = {}): Rule => ({
  holds: (column) =>
    `typeof(${column}) = 'text' AND CASE WHEN json_valid(${column}) THEN json_type(${column}) = '${type}'${Object.entries(
      fields
    )
      .map(
        ([path, fieldType]) =>
          ` AND ifnull(json_type(${column}, '$${path}') IN (${jsonTypes[fieldType]}), json_type(${column}, '$${path}') IS NULL)`
      )
      .join("")} ELSE 0 END`,
  otherwise: "is not the JSON it must be"
})
/**
 * A policy of `Limits/GroupPolicy.ts`: what is computed with is a number above 0, and what is gone through is what it
 * must be. Tiers have names of anybody's choice.
 */
const positive = ["limit", "perMs", "burst", "concurrency", "weight", "backlog"]
const objects = ["rate", "tiers", "policy"]
const quoted = (names: ReadonlyArray<string>): string => names.map((name) => `'${name}'`).join(", ")
export const policy: Rule = {
  holds: (column) => `${json("object").holds(column)} AND NOT EXISTS (
    SELECT 1 FROM json_tree(CASE WHEN json_valid(${column}) THEN ${column} ELSE '{}' END) AS node
    WHERE node.path <> '$.tiers' AND CASE
      WHEN node.key IN (${quoted(positive)}) THEN NOT (node.type IN ('integer', 'real') AND node.atom > 0)
      WHEN node.key IN (${quoted(objects)}) THEN node.type <> 'object'
      WHEN node.key = 'keys' THEN node.type <> iif(node.path = '$', 'array', 'text')
      WHEN node.path = '$.keys' THEN node.type <> 'object'
      ELSE 0 END)`,
  otherwise: "is no policy"
}
export const anyJson: Rule = {
  holds: (column) => `typeof(${column}) = 'text' AND json_valid(${column})`,
  otherwise: "is no JSON"
}

export interface Nullable {
  readonly nullable: Rule
}
export const nullable = (rule: Rule): Nullable => ({ nullable: rule })

export const isNullable = (rule: Rule | Nullable): rule is Nullable => "nullable" in rule
