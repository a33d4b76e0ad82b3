import t from 'tap'
import { FragmentCounter } from '../../../src/connections/fragment-counter.ts'
import { clientFrame } from '../../helpers/raw-websocket.ts'

const parts = (sizes: number[]): Buffer =>
  Buffer.concat(sizes.map((size, i) => clientFrame(Buffer.alloc(size, 0x81), { opcode: i === 0 ? 1 : 0, fin: false })))

t.test(
  '[LM2] fragments of all lengths are counted, however the bytes are split; unfragmented messages are not',
  async t => {
    const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 0]
    const last = clientFrame('', { opcode: 0 })
    const bytes = Buffer.concat([
      ...[parts(sizes), last, clientFrame('whole'), clientFrame('x', { opcode: 9 })],
      ...[parts([3]), clientFrame(Buffer.alloc(70_000)), last],
    ])
    for (const size of [1, 2, 3, 7, 1000, 65_536, bytes.length]) {
      const counter = new FragmentCounter()
      let count = 0
      for (let at = 0; at < bytes.length; at += size) count += counter.count(bytes.subarray(at, at + size))
      t.equal(count, sizes.length + 1, `in chunks of ${size} bytes`)
    }
  },
)
