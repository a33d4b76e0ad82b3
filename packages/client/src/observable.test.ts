import t from 'tap'
import { Subject } from './observable.ts'

t.test('when a listener makes a change, all listeners hear of both, once and in order', t => {
  const subject = new Subject(0)
  const heard: [string, number][] = []
  subject.subscribe(value => {
    heard.push(['first', value])
    if (value === 1) subject.set(2)
  })
  subject.subscribe(value => heard.push(['second', value]))
  subject.set(1)
  t.same(heard, [
    ['first', 1],
    ['second', 1],
    ['first', 2],
    ['second', 2],
  ])
  t.equal(subject.value, 2)
  t.end()
})

t.test('each subscription has its own way to unsubscribe', t => {
  const subject = new Subject<string | undefined>('a')
  const heard: unknown[] = []
  const listener = (value: unknown) => heard.push(value)
  const leave = subject.subscribe(listener)
  subject.subscribe(listener)
  leave()
  leave()
  subject.set(undefined)
  t.same(heard, [undefined])
  t.end()
})
