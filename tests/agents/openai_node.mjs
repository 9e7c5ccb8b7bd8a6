// One conversation by the openai package for Node: node openai_node.mjs DOOR BASE_URL KEY MODEL SCENE; as JSON.
import OpenAI from 'openai';

const [door, baseURL, apiKey, model, scene] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const question = [{ role: 'user', content: `Hello. scene:${scene}:ok:0;` }];
const parameters = { type: 'object', properties: { city: { type: 'string' }, zone: { type: 'string' } } };
const names = ['get_weather', 'get_time'];

async function chat(stream) {
  const messages = [...question];
  const tools = names.map((name) => ({ type: 'function', function: { name, parameters } }));
  const asked = { model, messages, ...(scene === 'loop' ? { tools } : {}) };
  const calls = [];
  for (;;) {
    const reply = stream
      ? await client.chat.completions.stream({ ...asked, stream_options: { include_usage: true } }).finalChatCompletion()
      : await client.chat.completions.create(asked);
    const { message } = reply.choices[0];
    if (!message.tool_calls?.length) return { text: message.content, calls, input: reply.usage.prompt_tokens };
    messages.push(message);
    for (const call of message.tool_calls) {
      calls.push([call.function.name, JSON.parse(call.function.arguments)]);
      messages.push({ role: 'tool', tool_call_id: call.id, content: `result of ${call.function.name}` });
    }
  }
}

async function responses(stream) {
  let input = question;
  let previous = null;
  const tools = names.map((name) => ({ type: 'function', name, parameters, strict: false }));
  const calls = [];
  for (;;) {
    const asked = { model, input, previous_response_id: previous, ...(scene === 'loop' ? { tools } : {}) };
    const reply = stream
      ? await client.responses.stream(asked).finalResponse()
      : await client.responses.create(asked);
    const made = reply.output.filter((item) => item.type === 'function_call');
    if (!made.length) {
      const text = reply.output.flatMap((item) => item.content ?? []).map((part) => part.text).join('');
      return { text, calls, input: reply.usage.input_tokens };
    }
    previous = reply.id;
    input = made.map((call) => {
      calls.push([call.name, JSON.parse(call.arguments)]);
      return { type: 'function_call_output', call_id: call.call_id, output: `result of ${call.name}` };
    });
  }
}

async function failing(work) {
  try {
    return await work();
  } catch (error) {
    return { error: error.constructor.name, status: error.status ?? null, message: String(error.message) };
  }
}

const turn = { chat, responses }[door];
const models = [];
for await (const each of client.models.list()) models.push(each.id);
console.log(JSON.stringify({ whole: await failing(() => turn(false)), streamed: await failing(() => turn(true)), models }));
