/** Ends this process when its parent has gone, and with it everybody who would stop it. */
export const endWithParent = (): void => {
  process.stdin
    .on("end", () => process.exit(1))
    .on("error", () => process.exit(1))
    .resume()
  if ("unref" in process.stdin && typeof process.stdin.unref === "function") process.stdin.unref()
}
