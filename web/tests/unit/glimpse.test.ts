import { describe, expect, it } from 'vitest';
import type { ChatDetails, ChatSummary, Item, Page } from '../../src/core/api';
import { answered, keepable, toText, type Seen } from '../../src/core/glimpse';

const chats = ['one', 'two', 'three'].map((chat) => ({ chat, title: chat }) as ChatSummary);
const details = { chat: 'one', title: 'one' } as ChatDetails;
const item = (seq: number, more: object = {}) =>
  ({ type: 'message', place: { at: seq }, disappears: undefined, ...more }) as unknown as Item;
const page: Page = { items: [item(9), item(8), item(6)], nextBefore: 6 };
const seen = (open: Page = page): Seen => ({
  session: { state: 'ready', me: 'ada', device: 1, name: 'Ada', address: 'ada@example.org' },
  chats,
  open: { details, page: open },
});

describe('what was seen last', () => {
  it('answers for who is here, the top of the list and the end of the one conversation', () => {
    expect(answered(seen(), 'session', [])?.value).toEqual(seen().session);
    expect(answered(seen(), 'chats', [0, 2])?.value).toEqual(chats.slice(0, 2));
    expect(answered(seen(), 'chat', ['one'])?.value).toEqual(details);
    expect(answered(seen(), 'history', ['one', undefined, 3])?.value).toEqual(page);
    expect(answered(seen(), 'history', ['one', undefined, 1])?.value).toEqual({ items: [item(9)], nextBefore: 9 });
  });

  it('does not answer for what it does not know', () => {
    expect(answered(seen(), 'chats', [40, 40])).toBeUndefined();
    expect(answered(seen(), 'chat', ['two'])).toBeUndefined();
    expect(answered(seen(), 'history', ['two', undefined, 3])).toBeUndefined();
    expect(answered(seen(), 'history', ['one', 9, 3])).toBeUndefined();
    expect(answered(seen(), 'history', ['one', undefined, 4])).toBeUndefined();
    expect(answered(seen(), 'sendText', ['one', 'words'])).toBeUndefined();
  });

  it('answers with all of a chat that is no longer than it', () => {
    const whole: Page = { items: page.items };
    expect(answered(seen(whole), 'history', ['one', undefined, 40])?.value).toEqual(whole);
  });

  it('has nothing of a chat in which messages disappear', () => {
    expect(keepable(details, page)?.page).toEqual(page);
    expect(keepable({ ...details, timerSeconds: 60 }, page)).toBeUndefined();
    const items = [item(9, { disappears: { afterSeconds: 60 } }), item(8)];
    expect(keepable(details, { items })).toBeUndefined();
  });

  it('has no draft, no quotes, and nothing that lets others in', () => {
    const quote = { seq: 2, preview: { kind: 'text', text: 'long gone' } };
    const open = keepable(
      { ...details, draft: 'half', inviteCode: 'secret' },
      { items: [item(9, { replyTo: quote })] },
    );
    expect(open?.details).toMatchObject({ chat: 'one', draft: '', isOld: true });
    const text = toText({ ...seen(), ...(open ? { open } : {}) });
    expect(text).toContain('notHere');
    expect(text).not.toMatch(/long gone|half|secret/);
  });

  it('has no small pictures', () => {
    const picture = item(9, { body: { kind: 'files', files: [{ name: 'a', thumbnail: new Uint8Array([0, 127]) }] } });
    const text = toText(seen({ items: [picture] }));
    expect(JSON.parse(text)).toEqual(seen({ items: [item(9, { body: { kind: 'files', files: [{ name: 'a' }] } })] }));
  });
});
