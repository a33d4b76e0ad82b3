import { WebSocket } from 'ws'
import { ABNORMAL_CLOSURE, type SocketClose, type SocketFactory } from '../socket.ts'

/** A WebSocket of the `ws` package: the token is sent as a header, and a refused upgrade exposes its HTTP status. */
export const nodeSocket: SocketFactory = ({ url, token }, events) => {
  const socket = new WebSocket(url, {
    headers: token === '' ? {} : { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
    followRedirects: false,
  })
  let failure: Partial<SocketClose> = {}
  socket.on('open', () => events.open())
  socket.on('message', (data, isBinary) => {
    if (!isBinary) events.text(data.toString())
  })
  socket.on('ping', () => events.alive())
  socket.on('pong', () => events.alive())
  socket.on('unexpected-response', (request, response) => {
    response.resume()
    failure = { reason: `the server answered ${response.statusCode}`, httpStatus: response.statusCode ?? 0 }
    request.destroy()
    socket.terminate()
  })
  // `close` always follows an `error`; without a listener, the emitter would throw the error.
  socket.on('error', error => {
    failure = { reason: error.message, ...failure }
  })
  socket.on('close', (code, reason) => {
    events.closed({ code: code || ABNORMAL_CLOSURE, reason: reason.toString(), ...failure })
  })
  return {
    get bufferedAmount() {
      return socket.bufferedAmount
    },
    send: text => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
    },
    close: (code, reason) => socket.close(code, reason),
    ping: () => {
      if (socket.readyState === WebSocket.OPEN) socket.ping()
    },
    drop: () => socket.terminate(),
  }
}
