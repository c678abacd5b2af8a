/** Brings `root` up to its lockfile. False, having said why on stderr, when that could not be done. */
export const bootstrap: (root: string) => Promise<boolean>
