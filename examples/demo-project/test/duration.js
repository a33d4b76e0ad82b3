import assert from 'node:assert/strict'
import { formatDuration, parseDuration } from '../src/duration.js'

export const written = () => assert.equal(formatDuration(5_400_000), '1h 30m')
export const nothing = () => assert.equal(formatDuration(0), '0s')
export const readInAnyOrder = () => assert.equal(parseDuration('5s 2m'), 125_000)
export const thereAndBack = random => {
  for (let n = 0; n < 5000; n++) {
    const ms = Math.floor(random() * 1e9)
    assert.equal(parseDuration(formatDuration(ms)), ms)
  }
}
export const nonsense = () => assert.throws(() => parseDuration('soon'), SyntaxError)
