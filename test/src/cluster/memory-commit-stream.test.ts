import t from 'tap'
import { systemClock } from '../../../src/clock.ts'
import { commitStreamContract } from '../../contract/commit-stream.ts'
import { MemoryCommitStream, MemoryStreamStore } from '../../helpers/memory-commit-stream.ts'

commitStreamContract(t, 'in memory', async () => {
  const store = new MemoryStreamStore()
  const open = () => new MemoryCommitStream(store, systemClock)
  return { stream: open(), other: open() }
})
