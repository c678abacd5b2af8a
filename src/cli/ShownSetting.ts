/** Settings as they may be printed. */
import { type Setting, type SettingName, secretOf } from "./Settings.ts"

/** What follows `://`: user and password masked, and everything from a query or fragment on. */
const masked = (rest: string): { readonly text: string; readonly isCut: boolean } => {
  const query = rest.search(/[?#]/)
  const address = query === -1 ? rest : rest.slice(0, query)
  const path = address.indexOf("/")
  const authority = path === -1 ? address : address.slice(0, path)
  const at = authority.lastIndexOf("@")
  const shown = at === -1 ? address : `***${address.slice(at)}`
  return { text: query === -1 ? shown : `${shown}?***`, isCut: query !== -1 }
}

const withoutCredentialsInWord = (word: string): string => {
  const [first = "", ...addresses] = word.split("://")
  let text = first
  for (const address of addresses) {
    const { isCut, text: shown } = masked(address)
    text += `://${shown}`
    if (isCut) break
  }
  return text
}

/** User and password of addresses, and what follows their path, are where credentials stand. */
const withoutCredentials = (text: string): string => text.split(/(\s)/).map(withoutCredentialsInWord).join("")

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
