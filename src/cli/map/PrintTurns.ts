/**
 * Whose output may be printed. A line that has ended is one block; a line that still runs may own the output until it
 * has ended. In order, a line's turn comes when all before it are printed; without order, first come, first served.
 * Nothing else is printed while a line owns the output.
 */
export class PrintTurns<Block> {
  private readonly ordered: boolean
  /** In the order they came. */
  private readonly ended = new Map<number, Block>()
  private readonly wanting = new Map<number, () => void>()
  private owner: number | undefined
  private line = 1

  constructor(ordered: boolean) {
    this.ordered = ordered
  }

  /** Lines that have ended and are not printed. */
  get waiting(): number {
    return this.ended.size
  }

  /** Whether some line owns the output. */
  get isTaken(): boolean {
    return this.owner !== undefined
  }

  owns(line: number): boolean {
    return this.owner === line
  }

  /** The line has ended: its block is to be printed, and is the last of it. */
  end(line: number, block: Block): void {
    this.wanting.delete(line)
    this.ended.set(line, block)
  }

  /**
   * The line runs and wants the output for itself. `grant` is called by a later `next`; at once when it owns it
   * already.
   */
  want(line: number, grant: () => void): void {
    if (this.owner === line) grant()
    else this.wanting.set(line, grant)
  }

  /** The line is not to be printed in this run; in order, those after it are not either. */
  giveUp(line: number): void {
    this.wanting.delete(line)
    if (this.owner === line) this.owner = undefined
  }

  /**
   * The next block to print, which then counts as printed; undefined when it is nobody's turn but of lines that run.
   */
  next(): Block | undefined {
    if (this.owner !== undefined) return this.take(this.owner)
    if (this.ordered) {
      const block = this.take(this.line)
      if (block === undefined) this.grant(this.line)
      return block
    }
    const [line] = this.ended.keys()
    // A line that wants the output stands still: it does not wait for blocks that came later.
    const [first] = this.wanting.keys()
    if (first !== undefined) this.grant(first)
    else if (line !== undefined) return this.take(line)
    return undefined
  }

  private take(line: number): Block | undefined {
    const block = this.ended.get(line)
    if (block === undefined) return undefined
    this.ended.delete(line)
    this.owner = undefined
    if (this.ordered) this.line++
    return block
  }

  private grant(line: number): void {
    const grant = this.wanting.get(line)
    if (grant === undefined) return
    this.wanting.delete(line)
    this.owner = line
    grant()
  }
}
