import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { serveCalls } from '../lib/role.ts'

/**
 * The naive server on `ws`: one socket, everything is sent in the order in which it comes, and an HTTP request is one
 * `send`. Nothing is stored, validated or authenticated.
 */
let agent: WebSocket
let commands = 0
const send = (type: string, payload: object) => agent.send(JSON.stringify({ type, payload }))
const dispatch = (input: string): string => {
  const commandId = `cmd_${++commands}`
  send('command:dispatch', { commandId, attempt: 1, kind: 'prompt', input })
  return commandId
}

const http = createServer((request, response) => {
  const commandId = request.url!.split('/')[4]!
  send('command:interrupt', { commandId, attempt: 1, force: false })
  response.end('{}')
})
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false })
sockets.on('connection', socket => {
  agent = socket
  socket.on('message', data => {
    const { type, n } = JSON.parse(String(data))
    if (type === 'agent:connect') send('connection:established', {})
    else if (n !== undefined) send('report:ack', { n })
  })
})

export const bareAgents = serveCalls({
  listen: (): Promise<number> =>
    new Promise(resolve => http.listen(0, '127.0.0.1', () => resolve((http.address() as AddressInfo).port))),
  submit: dispatch,
})
