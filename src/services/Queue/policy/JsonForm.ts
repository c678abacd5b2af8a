/**
 * What JSON carries, so that a value is the same on every store: one that keeps text, and one that keeps the value
 * itself.
 *
 * JSON has no −0, which becomes 0, and no property without a value, which goes. What else it does not carry (NaN and
 * the infinities, `BigInt`, functions, symbols, `undefined` in a list, objects with a class: `Map`, `Set`, `Date`) it
 * would change in silence into something else; here that is refused. A schema that describes such values encodes them
 * into JSON; only parts that say nothing (`Schema.Any`) let them through.
 */
import { SchemaAST } from "effect"

/** A value with a part that JSON does not carry. */
export class NotJson extends Error {
  override readonly name = "NotJson"
}

/** Deeper nesting is a circle, or as good as one: `JSON.stringify` ends at about as many. */
const deepest = 2000

const isPlainObject = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const kindOf = (value: unknown): string => {
  if (typeof value === "number") return String(value)
  if (typeof value !== "object" || value === null) return typeof value
  return `an object of class ${Object.getPrototypeOf(value)?.constructor?.name || "unknown"}`
}

/**
 * The value as JSON gives it back: itself where nothing changes. Throws `NotJson` with the place of what JSON does not
 * carry.
 */
export const settled = (value: unknown, path = "", depth = 0): unknown => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      if (Number.isFinite(value)) return value === 0 ? 0 : value
      break
    case "object": {
      if (value === null) return value
      if (depth > deepest) throw new NotJson(`it is nested more than ${deepest} deep${path.slice(0, 100)}`)
      if (Array.isArray(value)) return settledList(value, path, depth)
      if (isPlainObject(value)) return settledObject(value, path, depth)
    }
  }
  throw new NotJson(`${kindOf(value)} at ${path === "" ? "its root" : path}, which JSON does not carry`)
}

const settledList = (value: ReadonlyArray<unknown>, path: string, depth: number): ReadonlyArray<unknown> => {
  let copy: Array<unknown> | undefined
  for (let i = 0; i < value.length; i++) {
    const item = settled(value[i], `${path}[${i}]`, depth + 1)
    if (copy === undefined && !Object.is(item, value[i])) copy = value.slice(0, i)
    copy?.push(item)
  }
  return copy ?? value
}

const settledObject = (value: object, path: string, depth: number): object => {
  const entries: Array<[string, unknown]> = []
  let same = true
  for (const [key, before] of Object.entries(value)) {
    if (before === undefined) {
      same = false
      continue
    }
    const item = settled(before, `${path}[${JSON.stringify(key)}]`, depth + 1)
    if (!Object.is(item, before)) same = false
    entries.push([key, item])
  }
  return same ? value : Object.fromEntries(entries)
}

/** Whether a value must be settled. */
type Unsettled = (value: never) => boolean

const isNegativeZero = (value: number): boolean => value === 0 && Object.is(value, -0)

const isUnsettled = (value: unknown, depth = 0): boolean => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return false
    case "number":
      return !Number.isFinite(value) || isNegativeZero(value)
    case "object": {
      if (value === null) return false
      if (depth > deepest) return true
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) if (isUnsettled(value[i], depth + 1)) return true
        return false
      }
      return !isPlainObject(value) || Object.values(value).some((part) => isUnsettled(part, depth + 1))
    }
    default:
      return true
  }
}

/**
 * Looks at those parts of a value that JSON may change, going by the encoded side of its schema; undefined: there are
 * none. `exact`: also at what text loses by itself (−0, properties that the schema does not name, classes), so that a
 * value that passes may stay as it is.
 */
export const unsettled = (ast: SchemaAST.AST, exact: boolean): ((value: unknown) => boolean) | undefined =>
  lookAt(ast, exact) as ((value: unknown) => boolean) | undefined

/** Encoding makes it what it is to be. */
const always: Unsettled = () => true

const lookAt = (ast: SchemaAST.AST, exact: boolean): Unsettled | undefined => {
  switch (ast._tag) {
    case "String":
    case "Boolean":
    case "Null":
    case "Undefined":
    case "Void":
    case "Literal":
    case "TemplateLiteral":
    case "Enum":
    case "Never":
      return undefined
    case "Number":
      return exact ? (isNegativeZero as Unsettled) : undefined
    case "Objects":
      return ast.indexSignatures.length > 0 ? lookAtRecord(ast, exact) : lookAtStruct(ast, exact)
    case "Arrays": {
      const parts = [...ast.elements, ...ast.rest].map((part) => lookAt(part, exact))
      const [each] = parts
      if (parts.every((part) => part === undefined)) return undefined
      if (parts.length > 1 || each === undefined) return exact ? always : (isUnsettled as Unsettled)
      return (value: ReadonlyArray<never>) => {
        for (let i = 0; i < value.length; i++) if (each(value[i]!)) return true
        return false
      }
    }
    case "Union": {
      const parts = ast.types.map((type) => lookAt(type, exact))
      if (parts.every((part) => part === undefined)) return undefined
      const isSimple = parts.every((part) => part === undefined || part === isUnsettled || part === isNegativeZero)
      return exact && !isSimple ? always : (isUnsettled as Unsettled)
    }
    case "Any":
      return isUnsettled as Unsettled
    default:
      return exact ? always : (isUnsettled as Unsettled)
  }
}

const lookAtRecord = (ast: SchemaAST.Objects, exact: boolean): Unsettled | undefined => {
  const types = [...ast.indexSignatures, ...ast.propertySignatures]
  if (types.some(({ type }) => lookAt(type, exact) !== undefined)) return exact ? always : (isUnsettled as Unsettled)
  return exact ? (value: object) => !isPlainObject(value) : undefined
}

const lookAtStruct = (ast: SchemaAST.Objects, exact: boolean): Unsettled | undefined => {
  // An object of no fields is any object.
  if (ast.propertySignatures.length === 0) return exact ? always : (isUnsettled as Unsettled)
  const named = new Set<PropertyKey>(ast.propertySignatures.map(({ name }) => name))
  const parts = ast.propertySignatures.flatMap(({ name, type }) => {
    const look = lookAt(type, exact)
    return look === undefined ? [] : [{ name, look, isOptional: SchemaAST.isOptional(type) }]
  })
  if (parts.length === 0 && !exact) return undefined
  return (value: Readonly<Record<PropertyKey, never>>) => {
    if (exact) {
      if (!isPlainObject(value)) return true
      for (const field in value) if (!named.has(field)) return true
    }
    for (let i = 0; i < parts.length; i++) {
      const { isOptional, look, name } = parts[i]!
      const part = value[name]
      if (part !== undefined) {
        if (look(part)) return true
      } else if (!isOptional) {
        throw new NotJson(`undefined at [${JSON.stringify(name)}], which JSON does not carry`)
      } else if (name in value) return true
    }
    return false
  }
}
