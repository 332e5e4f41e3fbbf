// What a script is told and what it answers: the context with its request and response, and the log.
(function (shared, setup) {
  "use strict";

  const { stringify } = JSON;
  const { ErrorCodes, refuse } = shared;
  const LOG = "x-ms-documentdb-script-log-results";

  // An object with an accessor for each property, and others by name.
  function message(properties) {
    const object = {};
    const names = Object.keys(properties);

    function writable(name) {
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (property === undefined) refuse(ErrorCodes.BadRequest, `There is no property '${name}' to set.`);
      if (!property.isWritable) refuse(ErrorCodes.Forbidden, `The property '${name}' cannot be set.`);
      return property;
    }

    function get(name) {
      return Object.hasOwn(properties, name) ? properties[name].value : undefined;
    }

    function set(name, value) {
      const property = writable(name);
      checkSize(name, value, property.limit);
      property.value = value;
    }

    // Texts are joined, numbers added, as `+` does.
    function append(name, value) {
      const { value: before } = writable(name);
      set(name, before === undefined || before === null ? value : before + value);
    }

    for (const name of names) {
      object[`get${name}`] = () => get(name);
      if (!properties[name].isWritable) continue;
      object[`set${name}`] = (value) => set(name, value);
      object[`append${name}`] = (value) => append(name, value);
    }
    object.getValue = get;
    if (names.some((name) => properties[name].isWritable)) {
      object.setValue = set;
      object.appendValue = append;
    }
    return object;
  }

  function checkSize(name, value, limit) {
    const text = typeof value === "string" ? value : stringify(value);
    if (text === undefined || text.length <= limit) return;
    refuse(
      ErrorCodes.RequestEntityTooLarge,
      `The message would be too large because of '${name}'. Return what there is, and let the client call again.`,
    );
  }

  function headers() {
    const entries = Object.entries(setup.headers);
    return Object.fromEntries(entries.map(([name, value]) => [name, { value, isWritable: false }]));
  }

  const limit = setup.maxBody;
  const isPre = setup.role === "pre";
  const requestBody = { value: setup.requestBody, isWritable: isPre, limit };
  const responseBody = { value: setup.responseBody, isWritable: true, limit };
  const log = { value: "", isWritable: true, limit: setup.maxLog };

  const request = message({
    ...headers(),
    Body: requestBody,
    ...(setup.operation ? { OperationType: { value: setup.operation, isWritable: false } } : {}),
  });
  const context = { getRequest: () => request, abort: shared.abort };
  shared.request = request;

  // A pre-trigger comes before there is a response.
  if (!isPre) {
    const response = message({
      Body: responseBody,
      [LOG]: log,
      ResourceQuotaCurrentUsage: { value: setup.usage, isWritable: false },
      MaxResourceQuota: { value: setup.quota, isWritable: false },
    });
    context.getResponse = () => response;
    shared.response = response;
  }

  function format(text, values) {
    let index = 0;
    return text.replace(/%(%|s)/g, (_, kind) => (kind === "%" ? "%" : String(values[index++])));
  }

  const console = { log() {} };
  if (setup.isLogging) {
    console.log = function (...values) {
      if (values.length === 0) refuse(ErrorCodes.BadRequest, "console.log takes at least one argument.");
      const [first, ...rest] = values;
      if (rest.length > 0 && typeof first !== "string") {
        refuse(ErrorCodes.BadRequest, "The first of several arguments of console.log has to be a text.");
      }
      const text = rest.length > 0 ? format(first, rest) : String(first);
      if (shared.response !== undefined) shared.response.appendValue(LOG, text);
    };
  }

  shared.context = context;
  const text = (body) => stringify(body.value) ?? "null";
  const before = { request: text(requestBody), response: text(responseBody) };
  // The bodies that are not as they were, as members of one text.
  shared.finish = function () {
    const after = { request: text(requestBody), response: text(responseBody) };
    const changed = ["request", "response"].filter((it) => after[it] !== before[it]);
    return `{${changed.map((it) => `"${it}":${after[it]}`).join(",")}}`;
  };
  shared.logged = () => log.value;

  shared.define("console", console);
  shared.define("getContext", () => context);
})
