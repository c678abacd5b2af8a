/** Which function of a loaded module runs its jobs. Loads nothing: threads start with it. */
import type { ThreadContext } from "./ThreadPool.ts"

export type Handler = (payload: unknown, context: ThreadContext) => unknown

/**
 * The function exported as `name`. Of a module in CommonJS Node exports the whole of `module.exports` as the default,
 * and others by name as far as it finds them in the text: there what `module.exports` holds counts as well.
 */
export const handlerOf = (exports: Readonly<Record<string, unknown>>, name: string): Handler | undefined => {
  const whole = exports["module.exports"] as Readonly<Record<string, unknown>> | null | undefined
  return [exports[name], whole?.[name]].find((found): found is Handler => typeof found === "function")
}
