/** Turns a title into a part of a URL: `Hello, World!` becomes `hello-world`. */
export function slugify(title) {
  return title
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

/** The first slug that is not taken yet: `notes`, `notes-2`, `notes-3`. */
export function uniqueSlug(title, taken) {
  const slug = slugify(title) || 'untitled'
  let unique = slug
  for (let n = 2; taken.has(unique); n++) unique = `${slug}-${n}`
  return unique
}
