//! Writes a query as the service's gateway does: a clause a line, every operation in parentheses, names as written.

use std::fmt;

use super::ast::{
    BinaryOp, Collection, Count, Direction, Expr, From, OrderBy, Projection, Quantifier, Query,
    Select, Source, Step, UnaryOp,
};
use super::value::{ExponentStyle, Number, Value, write_json_string};

/// The canonical text of a query.
pub(crate) fn query(query: &Query) -> String {
    let mut printer = Printer::default();
    printer.query(query);
    printer.out
}

/// The canonical text of an expression.
pub(crate) fn expr(expr: &Expr) -> String {
    let mut printer = Printer::default();
    printer.expr(expr);
    printer.out
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&query(self))
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&expr(self))
    }
}

#[derive(Default)]
struct Printer {
    out: String,
    /// How many subqueries deep.
    indent: usize,
}

impl Printer {
    fn query(&mut self, query: &Query) {
        self.select(&query.select);
        if let Some(from) = &query.from {
            self.from(from);
        }
        if let Some(filter) = &query.filter {
            self.clause("WHERE ");
            self.expr(filter);
        }
        if !query.group_by.is_empty() {
            self.clause("GROUP BY ");
            self.list(&query.group_by, Self::expr);
        }
        if let Some(order_by) = &query.order_by {
            self.order_by(order_by);
        }
        if let Some(window) = &query.window {
            self.clause("OFFSET ");
            self.count(&window.offset);
            self.put(" LIMIT ");
            self.count(&window.limit);
        }
    }

    fn select(&mut self, select: &Select) {
        self.put("SELECT ");
        if select.distinct {
            self.put("DISTINCT ");
        }
        if let Some(top) = &select.top {
            self.put("TOP ");
            self.count(top);
            self.put(" ");
        }
        match &select.projection {
            Projection::Star => self.put("*"),
            Projection::Value(expr) => {
                self.put("VALUE ");
                self.expr(expr);
            }
            Projection::List(items) => self.list(items, |printer, item| {
                printer.expr(&item.expr);
                printer.alias(item.alias.as_deref());
            }),
        }
    }

    fn from(&mut self, from: &From) {
        self.clause("FROM ");
        self.source(&from.source);
        for join in &from.joins {
            self.clause("JOIN ");
            self.source(join);
        }
    }

    fn source(&mut self, source: &Source) {
        match source {
            Source::Alias { collection, alias } => {
                self.collection(collection);
                self.alias(alias.as_deref());
            }
            Source::Iterate { alias, collection } => {
                self.put(alias);
                self.put(" IN ");
                self.collection(collection);
            }
        }
    }

    fn collection(&mut self, collection: &Collection) {
        match collection {
            Collection::Subquery(query) => self.subquery("", query),
            Collection::Path { root, steps, .. } => {
                self.put(root);
                steps.iter().for_each(|step| self.step(step));
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Property(name) => {
                self.put(".");
                self.put(name);
            }
            Step::Quoted(name) => {
                self.put("[");
                write_json_string(name, &mut self.out);
                self.put("]");
            }
            Step::Index(index) => self.put(&format!("[{index}]")),
        }
    }

    fn order_by(&mut self, order_by: &OrderBy) {
        self.clause("ORDER BY ");
        match order_by {
            OrderBy::Rank(expr) => {
                self.put("RANK ");
                self.expr(expr);
            }
            OrderBy::Items(items) => self.list(items, |printer, item| {
                printer.expr(&item.expr);
                match item.direction {
                    Some(Direction::Ascending) => printer.put(" ASC"),
                    Some(Direction::Descending) => printer.put(" DESC"),
                    None => {}
                }
            }),
        }
    }

    fn count(&mut self, count: &Count) {
        match count {
            Count::Number(number, _) => self.number(*number),
            Count::Parameter(name, _) => self.parameter(name),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Literal(value) => self.value(value),
            Expr::Parameter(name) => self.parameter(name),
            Expr::Name(name, _) => self.put(name),
            Expr::Property(base, name) => {
                self.base(base);
                self.put(".");
                self.put(name);
            }
            Expr::Index(base, index) => {
                self.base(base);
                self.around("[", "]", |printer| printer.expr(index));
            }
            Expr::Array(elements) => {
                self.around("[", "]", |printer| printer.list(elements, Self::expr));
            }
            Expr::Object(members) => self.around("{", "}", |printer| {
                printer.list(members, |printer, (name, member)| {
                    write_json_string(name, &mut printer.out);
                    printer.put(": ");
                    printer.expr(member);
                });
            }),
            Expr::Call { name, udf, args, .. } => {
                self.put(if *udf { "udf." } else { "" });
                self.put(name);
                self.around("(", ")", |printer| printer.list(args, Self::expr));
            }
            Expr::Subquery(query) => self.subquery("", query),
            Expr::Exists(query) => self.subquery("EXISTS", query),
            Expr::ArrayOf(query) => self.subquery("ARRAY", query),
            Expr::Quantified(quantifier, query) => self.subquery(word(*quantifier), query),
            _ => self.around("(", ")", |printer| printer.operation(expr)),
        }
    }

    /// What stands in parentheses.
    fn operation(&mut self, expr: &Expr) {
        match expr {
            Expr::Unary(op, operand) => {
                self.put(unary(*op));
                self.put(" ");
                self.expr(operand);
            }
            Expr::Binary(op, left, right) => {
                self.expr(left);
                self.put(" ");
                self.put(binary(*op));
                self.put(" ");
                self.expr(right);
            }
            Expr::Conditional(condition, yes, no) => {
                self.expr(condition);
                self.put(" ? ");
                self.expr(yes);
                self.put(" : ");
                self.expr(no);
            }
            _ => self.predicate(expr),
        }
    }

    fn predicate(&mut self, expr: &Expr) {
        let not = |negated: bool| if negated { " NOT" } else { "" };
        match expr {
            Expr::In { needle, list, negated } => {
                self.expr(needle);
                self.put(not(*negated));
                self.put(" IN ");
                self.around("(", ")", |printer| printer.list(list, Self::expr));
            }
            Expr::Between { value, low, high, negated } => {
                self.expr(value);
                self.put(not(*negated));
                self.put(" BETWEEN ");
                self.expr(low);
                self.put(" AND ");
                self.expr(high);
            }
            Expr::Like { value, pattern, escape, negated } => {
                self.expr(value);
                self.put(not(*negated));
                self.put(" LIKE ");
                self.expr(pattern);
                if let Some(escape) = escape {
                    self.put(" ESCAPE ");
                    write_json_string(escape, &mut self.out);
                }
            }
            other => self.expr(other),
        }
    }

    /// What a path starts from. A number would swallow the dot, and a sign before it the path.
    fn base(&mut self, base: &Expr) {
        match base {
            Expr::Literal(Value::Number(_)) => {
                self.around("(", ")", |printer| printer.expr(base));
            }
            _ => self.expr(base),
        }
    }

    /// A query in parentheses, on lines of its own.
    fn subquery(&mut self, word: &str, query: &Query) {
        self.put(word);
        self.put("(");
        self.indent += 1;
        self.clause("");
        self.query(query);
        self.indent -= 1;
        self.clause(")");
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Undefined => self.put("undefined"),
            Value::Null => self.put("null"),
            Value::Bool(true) => self.put("true"),
            Value::Bool(false) => self.put("false"),
            Value::Number(number) => self.number(*number),
            Value::String(text) => write_json_string(text, &mut self.out),
            Value::Array(elements) => {
                self.around("[", "]", |printer| printer.list(elements, Self::value));
            }
            Value::Object(object) => self.around("{", "}", |printer| {
                let members: Vec<_> = object.iter().collect();
                printer.list(&members, |printer, (name, member)| {
                    write_json_string(name, &mut printer.out);
                    printer.put(": ");
                    printer.value(member);
                });
            }),
        }
    }

    fn alias(&mut self, alias: Option<&str>) {
        if let Some(alias) = alias {
            self.put(" AS ");
            self.put(alias);
        }
    }

    fn parameter(&mut self, name: &str) {
        self.put("@");
        self.put(name);
    }

    fn number(&mut self, number: Number) {
        number.write(ExponentStyle::TwoDigits, &mut self.out);
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.put(", ");
            }
            write(self, item);
        }
    }

    fn around(&mut self, open: &str, close: &str, write: impl FnOnce(&mut Self)) {
        self.put(open);
        write(self);
        self.put(close);
    }

    /// Starts a line.
    fn clause(&mut self, text: &str) {
        self.put("\n");
        self.out.extend(std::iter::repeat_n("    ", self.indent));
        self.put(text);
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }
}

fn word(quantifier: Quantifier) -> &'static str {
    match quantifier {
        Quantifier::All => "ALL",
        Quantifier::First => "FIRST",
        Quantifier::Last => "LAST",
    }
}

fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Not => "NOT",
        UnaryOp::Negate => "-",
        UnaryOp::Plus => "+",
        UnaryOp::BitNot => "~",
    }
}

fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "OR",
        BinaryOp::And => "AND",
        BinaryOp::Coalesce => "??",
        BinaryOp::Equal => "=",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Less => "<",
        BinaryOp::LessOrEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterOrEqual => ">=",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::BitAnd => "&",
        BinaryOp::ShiftLeft => "<<",
        BinaryOp::ShiftRight => ">>",
        BinaryOp::ShiftRightUnsigned => ">>>",
        BinaryOp::Concat => "||",
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::Modulo => "%",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::sql::parser::parse;

    /// A tree as text, without the places of its parts.
    fn shape(query: &Query) -> String {
        let text = format!("{query:?}");
        let parts = text.split([' ', ',', ')', '(', '}', '{']);
        let place = |part: &&str| {
            part.split_once("..").is_some_and(|(start, _)| start.parse::<u32>().is_ok())
        };
        parts.filter(|part| !place(part)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_text_is_that_of_the_gateway() {
        for (written, expected) in [
            ("select top 5 * from Root r", "SELECT TOP 5 *\nFROM Root AS r"),
            (
                "SELECT c.a b FROM c WHERE NOT c.x = 'a\"'",
                "SELECT c.a AS b\nFROM c\nWHERE (NOT (c.x = \"a\\\"\"))",
            ),
            (
                "SELECT VALUE {a: -0.5, b: [c[\"d\"], 1e300]} FROM c.x[0] JOIN t in c ORDER BY c.a asc, c.b",
                "SELECT VALUE {\"a\": -0.5, \"b\": [c[\"d\"], 1e+300]}\nFROM c.x[0]\nJOIN t IN c\nORDER BY c.a ASC, c.b",
            ),
            (
                "SELECT VALUE EXISTS(SELECT VALUE 1 FROM t IN c.t WHERE t) FROM c OFFSET 1 LIMIT @l",
                "SELECT VALUE EXISTS(\n    SELECT VALUE 1\n    FROM t IN c.t\n    WHERE t\n)\nFROM c\nOFFSET 1 LIMIT @l",
            ),
            (
                "SELECT VALUE a <> 1 AND b NOT IN (1) ? c : d ?? -e",
                "SELECT VALUE (((a != 1) AND (b NOT IN (1))) ? c : (d ?? (- e)))",
            ),
        ] {
            assert_eq!(query(&parse(written).unwrap()), expected, "{written}");
        }
    }

    #[test]
    fn what_is_printed_reads_back_as_it_was() {
        let more = ["SELECT VALUE (5).x", "SELECT VALUE (-5)[0]", "SELECT VALUE - - 5 + +a"];
        let corpus = include_str!("../../../tests/data/queries.txt");
        let corpus = corpus.lines().map(|line| serde_json::from_str::<String>(line).unwrap());
        for text in corpus.chain(more.map(str::to_owned)) {
            let Ok(read) = parse(&text) else { continue };
            let printed = query(&read);
            let again = parse(&printed).unwrap_or_else(|error| panic!("{printed}: {error:?}"));
            assert_eq!(shape(&again), shape(&read), "{printed}");
            assert_eq!(query(&again), printed);
        }
    }
}
