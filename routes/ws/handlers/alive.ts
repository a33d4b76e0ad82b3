import type { Handler } from '../dashboard.ts'

export const heartbeat: Handler<'heartbeat'> = ({ id, payload }, { app, connection }) => {
  const echo = payload.timestamp !== undefined && { echo: payload.timestamp }
  connection.send('heartbeat', { timestamp: app.clock.now(), ...echo }, id)
}

export const ping: Handler<'ping'> = ({ id }, { app, connection }) =>
  connection.send('pong', { timestamp: app.clock.now() }, id)
