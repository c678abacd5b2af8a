/** Settings as they may be printed. */
import { type Setting, type SettingName, secretOf } from "./Settings.ts"

/** What follows the path of the first address in a word. */
const withoutQuery = (word: string): string => {
  const address = word.indexOf("://")
  const path = address < 0 ? -1 : word.slice(address).search(/[?#]./)
  return path < 0 ? word : `${word.slice(0, address + path)}?***`
}

/** Without user and password of addresses, and what follows their paths: where credentials stand. */
const withoutCredentials = (text: string): string =>
  text.replaceAll(/:\/\/[^\s/?#@]*@/g, "://***@").replaceAll(/\S+/g, withoutQuery)

/** A command's program; nothing of a first word that is a variable or not closed. */
const programOf = (text: string): string => {
  const [program = "", ...rest] = text.trim().split(/\s+/)
  if (/["'=]/.test(program)) return "(set)"
  return rest.length === 0 ? program : `${program} …`
}

/** As it may be printed, without what may be secret. */
export const shown = (name: SettingName, { source, value }: Setting): Setting => {
  const secret = secretOf(name)
  if (value === "" || secret === undefined) return { value: withoutCredentials(value), source }
  return { value: secret === "all" ? "(set)" : withoutCredentials(programOf(value)), source }
}
