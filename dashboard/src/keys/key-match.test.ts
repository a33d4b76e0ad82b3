import t from 'tap'
import { keyNames, nextKey, pressed } from './key-match.ts'

const event = (key: string, held: Partial<KeyboardEvent> = {}) => ({
  ...{ key, metaKey: false, ctrlKey: false, shiftKey: false, altKey: false, ...held },
})

t.test('a key press in words', async t => {
  t.equal(pressed(event('j')), 'j')
  t.equal(pressed(event('J', { shiftKey: true })), 'shift+j')
  t.equal(pressed(event('?', { shiftKey: true })), '?')
  t.equal(pressed(event('k', { metaKey: true })), 'mod+k')
  t.equal(pressed(event('k', { ctrlKey: true })), 'mod+k')
  t.equal(pressed(event('Escape')), 'escape')
  t.equal(pressed(event('ArrowUp', { altKey: true })), 'alt+up')
  t.equal(pressed(event('Enter', { metaKey: true, shiftKey: true })), 'mod+shift+enter')
})

t.test('sequences: complete, begun, and leading nowhere', async t => {
  const shortcuts = ['g f', 'g n', 'j', '/']
  t.same(nextKey('', 'j', shortcuts), { match: 'j', pending: '' })
  t.same(nextKey('', 'g', shortcuts), { pending: 'g' })
  t.same(nextKey('g', 'f', shortcuts), { match: 'g f', pending: '' })
  t.same(nextKey('g', 'j', shortcuts), { match: 'j', pending: '' }, 'the key counts by itself')
  t.same(nextKey('g', 'x', shortcuts), { pending: '' })
  t.same(nextKey('', 'q', shortcuts), { pending: '' })
})

t.test('written for people', async t => {
  t.same(
    ['mod+k', 'shift+j', 'g f', 'escape', '/'].map(keys => keyNames(keys, true)),
    ['⌘K', '⇧J', 'G F', 'Esc', '/'],
  )
  t.equal(keyNames('mod+enter', false), 'Ctrl+Enter')
})
