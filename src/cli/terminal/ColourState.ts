/**
 * What colours and attributes a terminal was told to draw in (SGR, ECMA-48 8.3.117), so that it can be left without any
 * and brought back to them.
 */

/** Attributes that a parameter takes back. */
const takenBack: { readonly [parameter: number]: ReadonlyArray<number> } = {
  22: [1, 2],
  23: [3],
  24: [4],
  25: [5],
  27: [7],
  28: [8],
  29: [9],
  39: [30],
  49: [40],
  54: [51],
  55: [53],
  59: [58]
}

/** The attribute that a parameter sets: of what few terminals know the last is remembered. */
const attributeOf = (parameter: number): number => {
  if ((parameter >= 30 && parameter <= 38) || (parameter >= 90 && parameter <= 97)) return 30
  if ((parameter >= 40 && parameter <= 48) || (parameter >= 100 && parameter <= 107)) return 40
  return parameter <= 9 || parameter === 53 || parameter === 58 ? parameter : 51
}

/** Parameters that follow a colour's 38, 48 or 58: `5;N` or `2;R;G;B`. With colons it is one parameter. */
const colourLength = (kind: string | undefined): number => (kind === "5" ? 2 : kind === "2" ? 4 : 0)

const isColour = (parameter: string): boolean => parameter === "38" || parameter === "48" || parameter === "58"

export class ColourState {
  private readonly attributes = new Map<number, string>()

  /** Takes the parameters of one sequence: digits, `;` and `:`. */
  take(parameters: string): void {
    const all = parameters.split(";")
    for (let i = 0; i < all.length; i++) {
      const parameter = all[i]!
      const number = Number.parseInt(parameter || "0", 10)
      const back = takenBack[number]
      if (number === 0) this.attributes.clear()
      else if (back !== undefined) for (const attribute of back) this.attributes.delete(attribute)
      else {
        const end = i + (isColour(parameter) ? colourLength(all[i + 1]) : 0)
        this.attributes.set(attributeOf(number), all.slice(i, end + 1).join(";"))
        i = end
      }
    }
  }

  get hasForeground(): boolean {
    return this.attributes.has(30)
  }

  /** Parameters of sequences that bring all of it back; none: there is nothing. */
  get parameters(): ReadonlyArray<string> {
    return [...this.attributes.values()]
  }
}
