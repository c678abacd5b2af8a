// The shipped forecaster with its defaults, as a program that judges forecasters by rolling origin wants it.

import * as Forecasting from "../../src/services/Scaling/policy/forecast/Forecasting.ts"

export const createForecaster = ({
  horizon,
  stepSeconds
}: {
  readonly horizon: number
  readonly stepSeconds: number
}) => {
  const forecaster = Forecasting.make({ stepSeconds, horizon })
  return { update: forecaster.update.bind(forecaster), forecast: () => forecaster.forecast(horizon) }
}
