/**
 * Numbers as English writes them: a comma every three digits. The first format of a process reads tables for 4 to 9 ms,
 * so each is made when it is first asked, and whole numbers below a thousand, which look the same in all of them, ask
 * none.
 */

/** A format with these options, none of which changes a whole number below a thousand. */
export const numberFormat = (options: Intl.NumberFormatOptions): ((n: number) => string) => {
  let format: Intl.NumberFormat | undefined
  return (n) => {
    if (Number.isInteger(n) && n > -1000 && n < 1000) return String(n)
    format ??= new Intl.NumberFormat("en-US", options)
    return format.format(n)
  }
}

/** `12000` → `12,000`; fractions are rounded. */
export const grouped = numberFormat({ maximumFractionDigits: 0 })
