// A handler for a thread: the default export of a module of its own. It may block, loop and be killed; nobody else
// notices.

export default ({ below }: { readonly below: number }): number => {
  const composite = new Uint8Array(below)
  let primes = 0
  for (let n = 2; n < below; n++) {
    if (composite[n] === 1) continue
    primes++
    for (let multiple = n * n; multiple < below; multiple += n) composite[multiple] = 1
  }
  return primes
}

export const endless = (): never => {
  for (;;);
}
