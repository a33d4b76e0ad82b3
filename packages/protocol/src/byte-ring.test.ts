import t from 'tap'
import { ByteRing } from './byte-ring.ts'

const PERIOD = 251
const pattern = new Uint8Array(4 * 1024 * 1024)
for (let i = 0; i < pattern.length; i++) pattern[i] = i % PERIOD
/** Bytes whose values are derived from their offsets. */
const bytesAt = (offset: number, length: number) => pattern.subarray(offset % PERIOD, (offset % PERIOD) + length)

t.test('keeps the last bytes under their offsets, whatever the sizes of the pieces', async t => {
  let seed = 42
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31
    return seed % below
  }
  for (const capacity of [1, 7, 4096, 5000, 10_000]) {
    const ring = new ByteRing(capacity)
    let end = 0
    for (let i = 0; i < 300; i++) {
      const length = random(random(10) === 0 ? capacity * 3 : Math.ceil(capacity / 3) + 1)
      ring.append(bytesAt(end, length))
      end += length
      const oldest = Math.max(0, end - capacity)
      if (ring.end !== end || ring.oldest > oldest || ring.oldest < Math.min(oldest, end)) t.fail(`bounds at ${i}`)
      const from = random(end + 1)
      const to = from + random(capacity)
      const start = Math.max(from, ring.oldest)
      const expected = bytesAt(start, Math.max(0, Math.min(to, end) - start))
      if (Buffer.compare(ring.slice(from, to), expected) !== 0) t.fail(`slice(${from}, ${to}) of ${capacity} at ${i}`)
    }
    t.equal(ring.end - ring.oldest, capacity, `${capacity} bytes are kept`)
  }
})

t.test('it takes memory as output arrives, and frees it', async t => {
  const ring = new ByteRing(2 * 1024 * 1024)
  t.equal(ring.allocatedBytes, 0)
  ring.append(bytesAt(0, 100))
  t.equal(ring.allocatedBytes, 4096)
  ring.append(bytesAt(100, 3 * 1024 * 1024))
  t.equal(ring.allocatedBytes, 2 * 1024 * 1024)
  ring.reset(ring.end)
  t.equal(ring.allocatedBytes, 0)
  t.equal(ring.oldest, 100 + 3 * 1024 * 1024, 'and goes on where it was')
  ring.append(bytesAt(ring.end, 10))
  t.same([...ring.slice(0)], [...bytesAt(ring.oldest, 10)])
})
