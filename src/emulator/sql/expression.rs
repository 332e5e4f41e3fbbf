//! Reads scalar expressions: the other half of the [parser](super::parser).

use std::sync::Arc;

use super::ast::{BinaryOp, Expr, Quantifier, Span, UnaryOp};
use super::error::SqlError;
use super::parser::{MAX_HEIGHT, Parser, too_complex};
use super::token::TokenKind;
use super::value::{Number, Value};

/// An expression and the height of its tree.
pub(super) struct Node {
    pub(super) expr: Expr,
    pub(super) height: usize,
}

/// How tightly `NOT` binds: looser than comparisons, tighter than `AND`.
const NOT: u8 = 2;
/// How tightly comparisons bind, and with them `IN`, `BETWEEN` and `LIKE`.
const COMPARISON: u8 = 3;
/// Chains of `AND`, `OR` and `||` that are longer become balanced trees, which mean the same and stay low.
const MAX_CHAIN: usize = 100;

impl Node {
    fn leaf(expr: Expr) -> Self {
        Self { expr, height: 1 }
    }

    /// A node above others, the highest of which has this height.
    fn above(height: usize, expr: Expr) -> Result<Self, SqlError> {
        // The subtrees are within the bound, so that dropping them is safe.
        if height >= MAX_HEIGHT {
            Err(too_complex())
        } else {
            Ok(Self { expr, height: height + 1 })
        }
    }

    fn binary(op: BinaryOp, left: Self, right: Self) -> Result<Self, SqlError> {
        let height = left.height.max(right.height);
        Self::above(height, Expr::Binary(op, Box::new(left.expr), Box::new(right.expr)))
    }
}

impl Parser<'_> {
    /// `condition ? a : b`, `a ?? b`, or what binds tighter.
    pub(super) fn expression(&mut self) -> Result<Node, SqlError> {
        self.nested(|parser| {
            let first = parser.operation(0)?;
            if parser.eat("??") {
                let second = parser.expression()?;
                return Node::binary(BinaryOp::Coalesce, first, second);
            }
            if !parser.eat("?") {
                return Ok(first);
            }
            let yes = parser.expression()?;
            parser.expect(":")?;
            let no = parser.expression()?;
            let height = first.height.max(yes.height).max(no.height);
            let [first, yes, no] = [first, yes, no].map(|node| Box::new(node.expr));
            Node::above(height, Expr::Conditional(first, yes, no))
        })
    }

    /// Operators that bind at least as tightly as `minimum`, by precedence climbing.
    fn operation(&mut self, minimum: u8) -> Result<Node, SqlError> {
        let mut left = self.operand(minimum)?;
        loop {
            if minimum <= COMPARISON {
                if let Some(negated) = self.predicate_ahead() {
                    left = self.predicate(left, negated)?;
                    continue;
                }
            }
            let Some((op, level)) = self.operator().filter(|(_, level)| *level >= minimum) else {
                return Ok(left);
            };
            left = self.chain(left, op, level)?;
        }
    }

    /// `left op a op b …` for one and the same operator.
    fn chain(&mut self, left: Node, op: BinaryOp, level: u8) -> Result<Node, SqlError> {
        let mut terms = vec![left];
        while self.operator() == Some((op, level)) {
            self.skip();
            terms.push(self.nested(|parser| parser.operation(level + 1))?);
        }
        let associative = matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Concat);
        if associative && terms.len() > MAX_CHAIN {
            return balance(terms, op);
        }
        let mut terms = terms.into_iter();
        let first = terms.next().ok_or_else(too_complex)?;
        terms.try_fold(first, |left, right| Node::binary(op, left, right))
    }

    fn operand(&mut self, minimum: u8) -> Result<Node, SqlError> {
        if minimum <= NOT && self.eat_keyword("NOT") {
            let node = self.nested(|parser| parser.operation(NOT))?;
            return Node::above(node.height, Expr::Unary(UnaryOp::Not, Box::new(node.expr)));
        }
        self.unary()
    }

    fn unary(&mut self) -> Result<Node, SqlError> {
        let op = match self.peek() {
            TokenKind::Sign("-") => UnaryOp::Negate,
            TokenKind::Sign("+") => UnaryOp::Plus,
            TokenKind::Sign("~") => UnaryOp::BitNot,
            TokenKind::Keyword("NOT") => UnaryOp::Not,
            _ => return self.postfix(),
        };
        self.skip();
        if op == UnaryOp::Negate && self.at_smallest_integer() {
            self.skip();
            return Ok(Node::leaf(Expr::Literal(Value::from(i64::MIN))));
        }
        let node = self.nested(Self::unary)?;
        if let (UnaryOp::Negate, Some(number)) = (op, positive(&node.expr)) {
            return Ok(Node::leaf(Expr::Literal(Value::Number(negative(number)))));
        }
        Node::above(node.height, Expr::Unary(op, Box::new(node.expr)))
    }

    /// Whether the next token is 2^63, which only its negative can keep exactly.
    fn at_smallest_integer(&self) -> bool {
        matches!(self.peek(), TokenKind::Number(_)) && self.written() == "9223372036854775808"
    }

    fn postfix(&mut self) -> Result<Node, SqlError> {
        let mut node = self.primary()?;
        loop {
            if self.eat(".") {
                let name = self.name()?;
                node = Node::above(node.height, Expr::Property(Box::new(node.expr), name))?;
            } else if self.eat("[") {
                let index = self.expression()?;
                self.expect("]")?;
                let height = node.height.max(index.height);
                let expr = Expr::Index(Box::new(node.expr), Box::new(index.expr));
                node = Node::above(height, expr)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn primary(&mut self) -> Result<Node, SqlError> {
        let span = self.span();
        let expr = match self.peek() {
            TokenKind::Number(number) => Expr::Literal(Value::Number(*number)),
            TokenKind::String(text) => Expr::Literal(Value::String(text.clone())),
            TokenKind::Parameter(name) => Expr::Parameter(name.clone()),
            TokenKind::Placeholder | TokenKind::Keyword("TRUE") => Expr::Literal(Value::Bool(true)),
            TokenKind::Keyword("FALSE") => Expr::Literal(Value::Bool(false)),
            TokenKind::Keyword("NULL") => Expr::Literal(Value::Null),
            TokenKind::Keyword("UNDEFINED") => Expr::Literal(Value::Undefined),
            TokenKind::Sign("(") => return self.bracketed(),
            TokenKind::Sign("[") => return self.array(),
            TokenKind::Sign("{") => return self.object(),
            TokenKind::Keyword("UDF") => return self.user_function(span),
            TokenKind::Keyword(word) => {
                let word = *word;
                return self.keyword_expression(word, span);
            }
            TokenKind::Name(name) => {
                let name = name.clone();
                return self.name_or_call(name, span);
            }
            _ => return Err(self.unexpected()),
        };
        self.skip();
        Ok(Node::leaf(expr))
    }

    fn name_or_call(&mut self, name: Arc<str>, span: Span) -> Result<Node, SqlError> {
        self.skip();
        if self.at("(") {
            return self.call(name, false, span.start);
        }
        Ok(Node::leaf(match &*name {
            "NaN" => Expr::Literal(Value::Number(Number::Float(f64::NAN))),
            "Infinity" => Expr::Literal(Value::Number(Number::Float(f64::INFINITY))),
            _ => Expr::Name(name, span),
        }))
    }

    /// `EXISTS(…)` and its like, `LEFT(…)` and `RIGHT(…)`, or a reserved word that serves as a name.
    fn keyword_expression(&mut self, word: &str, span: Span) -> Result<Node, SqlError> {
        let called = matches!(self.peek_after(1), Some(TokenKind::Sign("(")));
        let queried = called && matches!(self.peek_after(2), Some(TokenKind::Keyword("SELECT")));
        match word {
            "EXISTS" if queried => self.over_query(Expr::Exists),
            "ARRAY" if queried => self.over_query(Expr::ArrayOf),
            "ALL" if queried => self.over_query(|it| Expr::Quantified(Quantifier::All, it)),
            "FIRST" if queried => self.over_query(|it| Expr::Quantified(Quantifier::First, it)),
            "LAST" if queried => self.over_query(|it| Expr::Quantified(Quantifier::Last, it)),
            "LEFT" | "RIGHT" if called => {
                let name = self.written().into();
                self.skip();
                self.call(name, false, span.start)
            }
            "EXISTS" | "ARRAY" => {
                self.skip();
                self.expect("(")?;
                Err(self.unexpected())
            }
            _ => {
                let name = self.written().into();
                if self.eat_name().is_none() {
                    return Err(self.unexpected());
                }
                if called {
                    return self.call(name, false, span.start);
                }
                Ok(Node::leaf(Expr::Name(name, span)))
            }
        }
    }

    /// A word and a bracketed query.
    fn over_query(
        &mut self,
        make: impl Fn(Box<super::ast::Query>) -> Expr,
    ) -> Result<Node, SqlError> {
        self.skip();
        self.expect("(")?;
        let (query, height) = self.subquery()?;
        self.expect(")")?;
        Node::above(height, make(Box::new(query)))
    }

    /// `udf.name(…)`
    fn user_function(&mut self, span: Span) -> Result<Node, SqlError> {
        self.skip();
        self.expect(".")?;
        let name = self.name()?;
        if !self.at("(") {
            return Err(self.unexpected());
        }
        self.call(name, true, span.start)
    }

    /// `(a, b)` after a function's name, which starts at `start`.
    fn call(&mut self, name: Arc<str>, udf: bool, start: usize) -> Result<Node, SqlError> {
        self.expect("(")?;
        let (args, height) = self.elements(")")?;
        let span = start..self.last_end();
        Node::above(height, Expr::Call { name, udf, args, span })
    }

    /// `(a)` or `(SELECT …)`
    fn bracketed(&mut self) -> Result<Node, SqlError> {
        self.skip();
        let node = if self.at_keyword("SELECT") {
            let (query, height) = self.subquery()?;
            Node::above(height, Expr::Subquery(Box::new(query)))?
        } else {
            self.expression()?
        };
        self.expect(")")?;
        Ok(node)
    }

    fn array(&mut self) -> Result<Node, SqlError> {
        self.skip();
        let (elements, height) = self.elements("]")?;
        Node::above(height, Expr::Array(elements))
    }

    /// `a, b` up to and with the closing sign, and the height of the highest.
    fn elements(&mut self, close: &str) -> Result<(Vec<Expr>, usize), SqlError> {
        if self.eat(close) {
            return Ok((Vec::new(), 0));
        }
        let nodes = self.list(Self::expression)?;
        self.expect(close)?;
        let height = nodes.iter().map(|node| node.height).max().unwrap_or(0);
        Ok((nodes.into_iter().map(|node| node.expr).collect(), height))
    }

    fn object(&mut self) -> Result<Node, SqlError> {
        self.skip();
        if self.eat("}") {
            return Ok(Node::leaf(Expr::Object(Vec::new())));
        }
        let members = self.list(Self::member)?;
        self.expect("}")?;
        let mut height = 0;
        let mut properties: Vec<(Arc<str>, Expr)> = Vec::with_capacity(members.len());
        let mut seen = std::collections::HashSet::with_capacity(members.len());
        for (name, span, node) in members {
            if !seen.insert(name.clone()) {
                self.note(span, "SC2022", repeated(&name));
            }
            height = height.max(node.height);
            properties.push((name, node.expr));
        }
        Node::above(height, Expr::Object(properties))
    }

    fn member(&mut self) -> Result<(Arc<str>, Span, Node), SqlError> {
        let span = self.span();
        let name = match self.peek() {
            TokenKind::String(name) => {
                let name = name.clone();
                self.skip();
                name
            }
            _ => self.name()?,
        };
        self.expect(":")?;
        Ok((name, span, self.expression()?))
    }

    /// `[NOT] IN`, `BETWEEN` or `LIKE` comes next; the value says whether with `NOT`.
    fn predicate_ahead(&self) -> Option<bool> {
        let negated = self.at_keyword("NOT");
        match self.peek_after(usize::from(negated)) {
            Some(TokenKind::Keyword("IN" | "BETWEEN" | "LIKE")) => Some(negated),
            _ => None,
        }
    }

    fn predicate(&mut self, left: Node, negated: bool) -> Result<Node, SqlError> {
        self.position_after_not(negated);
        if self.eat_keyword("IN") {
            self.expect("(")?;
            let nodes = self.list(Self::expression)?;
            self.expect(")")?;
            let height = nodes.iter().map(|node| node.height).fold(left.height, usize::max);
            let list = nodes.into_iter().map(|node| node.expr).collect();
            return Node::above(height, Expr::In { needle: Box::new(left.expr), list, negated });
        }
        if self.eat_keyword("BETWEEN") {
            let low = self.nested(|parser| parser.operation(COMPARISON + 1))?;
            self.expect_keyword("AND")?;
            let high = self.nested(|parser| parser.operation(COMPARISON + 1))?;
            let height = left.height.max(low.height).max(high.height);
            let [value, low, high] = [left, low, high].map(|node| Box::new(node.expr));
            return Node::above(height, Expr::Between { value, low, high, negated });
        }
        self.expect_keyword("LIKE")?;
        let pattern = self.nested(|parser| parser.operation(COMPARISON + 1))?;
        let escape = self.escape()?;
        let height = left.height.max(pattern.height);
        let [value, pattern] = [left, pattern].map(|node| Box::new(node.expr));
        Node::above(height, Expr::Like { value, pattern, escape, negated })
    }

    fn position_after_not(&mut self, negated: bool) {
        if negated {
            self.skip();
        }
    }

    /// `[ESCAPE 'c']`
    fn escape(&mut self) -> Result<Option<Arc<str>>, SqlError> {
        if !self.eat_keyword("ESCAPE") {
            return Ok(None);
        }
        let TokenKind::String(escape) = self.peek() else { return Err(self.unexpected()) };
        let escape = escape.clone();
        self.skip();
        Ok(Some(escape))
    }

    /// The binary operator that comes next, and how tightly it binds.
    fn operator(&self) -> Option<(BinaryOp, u8)> {
        Some(match self.peek() {
            TokenKind::Keyword("OR") => (BinaryOp::Or, 0),
            TokenKind::Keyword("AND") => (BinaryOp::And, 1),
            TokenKind::Sign("=") => (BinaryOp::Equal, COMPARISON),
            TokenKind::Sign("!=" | "<>") => (BinaryOp::NotEqual, COMPARISON),
            TokenKind::Sign("<") => (BinaryOp::Less, COMPARISON),
            TokenKind::Sign("<=") => (BinaryOp::LessOrEqual, COMPARISON),
            TokenKind::Sign(">") => (BinaryOp::Greater, COMPARISON),
            TokenKind::Sign(">=") => (BinaryOp::GreaterOrEqual, COMPARISON),
            TokenKind::Sign("|") => (BinaryOp::BitOr, 4),
            TokenKind::Sign("^") => (BinaryOp::BitXor, 5),
            TokenKind::Sign("&") => (BinaryOp::BitAnd, 6),
            TokenKind::Sign("<<") => (BinaryOp::ShiftLeft, 7),
            TokenKind::Sign(">>") => (BinaryOp::ShiftRight, 7),
            TokenKind::Sign(">>>") => (BinaryOp::ShiftRightUnsigned, 7),
            TokenKind::Sign("||") => (BinaryOp::Concat, 8),
            TokenKind::Sign("+") => (BinaryOp::Add, 9),
            TokenKind::Sign("-") => (BinaryOp::Subtract, 9),
            TokenKind::Sign("*") => (BinaryOp::Multiply, 10),
            TokenKind::Sign("/") => (BinaryOp::Divide, 10),
            TokenKind::Sign("%") => (BinaryOp::Modulo, 10),
            _ => return None,
        })
    }
}

/// The message of a name that an object has twice.
pub(super) fn repeated(name: &str) -> String {
    format!("Object creation error, property name '{name}' specified more than once.")
}

/// A balanced tree of these terms.
fn balance(mut terms: Vec<Node>, op: BinaryOp) -> Result<Node, SqlError> {
    while terms.len() > 1 {
        let mut pairs = Vec::with_capacity(terms.len().div_ceil(2));
        let mut rest = terms.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => Node::binary(op, left, right)?,
                None => left,
            });
        }
        terms = pairs;
    }
    terms.pop().ok_or_else(too_complex)
}

/// The number that a literal is, unless it has a sign already.
fn positive(expr: &Expr) -> Option<Number> {
    match expr {
        Expr::Literal(Value::Number(number)) if number.as_f64() >= 0.0 => Some(*number),
        _ => None,
    }
}

fn negative(number: Number) -> Number {
    match number {
        Number::Int(value) => Number::Int(value.wrapping_neg()),
        other => Number::from(-other.as_f64()),
    }
}
