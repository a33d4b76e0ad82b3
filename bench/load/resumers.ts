import { connect } from 'node:net'
import { FrameCounter, maskedFrame, upgradeRequest } from '../lib/raw-client.ts'
import { serveCalls } from '../lib/role.ts'

export interface ResumersOptions {
  port: number
  token: string
  cursor: string
  clients: number
  /** Events that each has missed at least. */
  atLeast: number
}

/** One client: from its connect to `resume:done`, ms; undefined when it did not get all, once and in order. */
function resume({ port, token, cursor, atLeast }: ResumersOptions): Promise<number | undefined> {
  return new Promise(resolve => {
    const startedAt = performance.now()
    const socket = connect(port, '127.0.0.1').setNoDelay()
    const frames = new FrameCounter()
    const hello = { type: 'dashboard:connect', payload: { resume: { cursor }, subscribe: ['agents.>'] } }
    let head = ''
    let events = 0
    let last = -1
    let inOrder = true
    const onText = (text: string) => {
      const step = /Step (\d{9})/.exec(text)?.[1]
      if (step !== undefined) {
        inOrder &&= Number(step) > last || last === -1
        last = Number(step)
        events++
      } else if (text.startsWith('{"type":"resume:done"')) {
        socket.destroy()
        resolve(inOrder && events >= atLeast ? performance.now() - startedAt : undefined)
      }
    }
    const onHead = (chunk: Buffer) => {
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      socket.off('data', onHead)
      socket.on('data', chunk => frames.add(chunk, onText))
      socket.write(maskedFrame(JSON.stringify(hello)))
      frames.add(Buffer.from(head.slice(end + 4), 'latin1'), onText)
    }
    socket.on('data', onHead)
    socket.on('close', () => resolve(undefined))
    socket.on('error', () => resolve(undefined))
    socket.write(upgradeRequest('/ws', token))
  })
}

export const resumers = serveCalls({
  async run(options: ResumersOptions): Promise<{ samples: number[]; incomplete: number }> {
    const all = await Promise.all(Array.from({ length: options.clients }, () => resume(options)))
    const samples = all.filter(sample => sample !== undefined)
    return { samples, incomplete: all.length - samples.length }
  },
})
