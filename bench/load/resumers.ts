import { connect } from 'node:net'
import { FrameCounter, maskedFrame, upgradeRequest } from '../lib/raw-client.ts'
import { serveCalls } from '../lib/role.ts'

export interface ResumersOptions {
  port: number
  token: string
  cursor: string
  clients: number
  /** The minimum number of events that each client has missed. */
  atLeast: number
}

/** The number in the payload of an event, read from the bytes: decoding a million texts would distort the result. */
function stepOf(frame: Buffer): number | undefined {
  const at = frame.indexOf('Step ')
  if (at === -1) return undefined
  let step = 0
  for (let i = at + 5; i < at + 14; i++) step = step * 10 + frame[i]! - 48
  return step
}

/** Resumes one client; ms from connect to `resume:done`, undefined unless it got every event once and in order. */
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
    const onFrame = (frame: Buffer) => {
      const step = stepOf(frame)
      if (step !== undefined) {
        inOrder &&= step > last
        last = step
        events++
      } else if (frame.indexOf('{"type":"resume:done"') === 0) {
        socket.destroy()
        resolve(inOrder && events >= atLeast ? performance.now() - startedAt : undefined)
      }
    }
    const onHead = (chunk: Buffer) => {
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      socket.off('data', onHead)
      socket.on('data', chunk => frames.add(chunk, onFrame))
      socket.write(maskedFrame(JSON.stringify(hello)))
      frames.add(Buffer.from(head.slice(end + 4), 'latin1'), onFrame)
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
