// SPDX-License-Identifier: Apache-2.0
import fs from 'node:fs';

/** The records of a CSV text (RFC 4180) as arrays of strings. */
export function parseCsv(text) {
  const records = [];
  let record = [];
  let at = 0;
  while (at < text.length) {
    let field;
    if (text[at] === '"') {
      let end = at + 1;
      while (text[end] !== '"' || text[end + 1] === '"') end += text[end] === '"' ? 2 : 1;
      field = text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
    } else {
      const end = at + text.slice(at).search(/[,\n]|$/);
      field = text.slice(at, end);
      at = end;
    }
    record.push(field);
    if (text[at++] === ',') continue;
    records.push(record);
    record = [];
  }
  return records;
}

/** The rows of a CSV file without a header as objects; numbers: the columns to make numbers of. */
export function readCsv(file, columns, numbers = []) {
  return parseCsv(fs.readFileSync(file, 'utf8')).map((record) => {
    if (record.length !== columns.length) throw new Error(`${file}: ${record.length} fields`);
    return Object.fromEntries(columns.map((name, i) => [name, numbers.includes(name) ? Number(record[i]) : record[i]]));
  });
}
