/** Settings as they may be printed. */
import { type Setting, type SettingName, secretOf } from "./Settings.ts"

/** User and password of an address, and what follows its path: where credentials stand. */
const withoutCredentials = (text: string): string =>
  text
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]*@/gi, "$1***@")
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^\s?#]*)[?#]\S+/gi, "$1?***")

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
