/**
 * What remains of the error of a perfect forecast: arrivals that are independent of one another are Poisson, and
 * scatter around their mean by 2 m^(k+1) e^-m / k! on average, k = floor(m) (mean absolute deviation: A. de Moivre,
 * 1730; E. L. Crow, 1958). From 30 on sqrt(2 m / π), which is within 1 %.
 */
export const countingNoise = (mean: number): number => {
  if (mean > 30) return Math.sqrt((2 * mean) / Math.PI)
  let value = 2 * mean * Math.exp(-mean)
  for (let k = 1; k <= mean; k++) value *= mean / k
  return value
}

/**
 * Mean absolute error of the root of a Poisson count of 1 and more around its expectation; proportional to the root
 * below.
 */
export const countingMiss = 0.4
