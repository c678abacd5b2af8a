/** Causes and aggregated errors are followed so deep. */
const maxDepth = 5

const copy = (value: unknown): unknown => {
  try {
    return structuredClone(value)
  } catch {
    return String(value)
  }
}

const fieldsOf = (error: Error, depth: number): Record<string, unknown> => {
  const fields: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(error)) fields[key] = plain(value, depth + 1)
  fields["name"] = error.name
  fields["message"] = error.message
  fields["stack"] = error.stack
  if ("_tag" in error) fields["_tag"] = copy(error._tag)
  if (error.cause !== undefined) fields["cause"] = plain(error.cause, depth + 1)
  if (error instanceof AggregateError) fields["errors"] = error.errors.map((inner) => plain(inner, depth + 1))
  return fields
}

const plain = (value: unknown, depth: number): unknown =>
  value instanceof Error && depth < maxDepth ? fieldsOf(value, depth) : copy(value)

/**
 * Anything that was thrown, as data that can be sent: an `Error` becomes an object of its name, message, stack, cause
 * and own fields (structured clone alone would drop the fields and the `_tag`); what cannot be copied becomes text.
 * Never throws.
 */
export const from = (thrown: unknown): unknown => {
  try {
    return plain(thrown, 0)
  } catch {
    return { name: "Error", message: "an error was thrown that cannot be read" }
  }
}

/** One line for people. */
export const summary = (error: unknown): string => {
  const text =
    typeof error === "object" && error !== null && "message" in error && typeof error.message === "string"
      ? `${"name" in error ? String(error.name) : "Error"}: ${error.message}`
      : String(error)
  return text.split("\n", 1)[0] ?? ""
}
