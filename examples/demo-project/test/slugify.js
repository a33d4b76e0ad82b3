import assert from 'node:assert/strict'
import { slugify, uniqueSlug } from '../src/slugify.js'

export const words = () => assert.equal(slugify('Hello, World!'), 'hello-world')
export const accents = () => assert.equal(slugify('Crème brûlée'), 'creme-brulee')
export const edges = () => assert.equal(slugify('  … draft …  '), 'draft')
export const taken = () => assert.equal(uniqueSlug('Notes', new Set(['notes', 'notes-2'])), 'notes-3')
export const nothing = () => assert.equal(uniqueSlug('???', new Set()), 'untitled')
