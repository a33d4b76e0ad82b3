import t from 'tap'
import { Followers } from '../../../src/log/followers.ts'

t.test('a follower added during a batch starts with the next', async t => {
  const followers = new Followers(error => t.fail(error))
  const told: string[] = []
  let nested = false
  followers.add(() => {
    told.push('first')
    if (!nested) followers.add(() => told.push('second'))
    nested = true
  })
  followers.tell([])
  t.same(told.splice(0), ['first'])
  followers.tell([])
  t.same(told, ['first', 'second'])
})

t.test('a follower removed during a batch is not notified of it any more', async t => {
  const followers = new Followers(error => t.fail(error))
  const told: string[] = []
  followers.add(() => unfollow())
  const unfollow = followers.add(() => told.push('gone'))
  followers.tell([])
  t.same(told, [])
})

t.test('the same function may follow twice, and each removal removes it once', async t => {
  const followers = new Followers(error => t.fail(error))
  let told = 0
  const follower = () => void told++
  const unfollow = followers.add(follower)
  followers.add(follower)
  followers.tell([])
  t.equal(told, 2)
  unfollow()
  unfollow()
  followers.tell([])
  t.equal(told, 3)
})
