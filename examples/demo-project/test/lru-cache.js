import assert from 'node:assert/strict'
import { LruCache } from '../src/lru-cache.js'

function filled() {
  const cache = new LruCache(2)
  cache.set('a', 1)
  cache.set('b', 2)
  return cache
}

export const remembers = () => assert.equal(filled().get('a'), 1)
export const forgetsTheOldest = () => {
  const cache = filled()
  cache.set('c', 3)
  assert.equal(cache.get('a'), undefined)
}
export const aUseCounts = () => {
  const cache = filled()
  cache.get('a')
  cache.set('c', 3)
  assert.equal(cache.get('a'), 1)
  assert.equal(cache.get('b'), undefined)
}
export const staysSmall = random => {
  const cache = new LruCache(50)
  for (let n = 0; n < 20_000; n++) cache.set(Math.floor(random() * 1000), n)
  assert.equal(cache.size, 50)
}
export const needsALimit = () => assert.throws(() => new LruCache(0), RangeError)
