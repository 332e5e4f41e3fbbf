//! Reads operators: the second part of the [parser](super::parser); operands are in [`super::operand`].

use std::sync::Arc;

use super::ast::{BinaryOp, Expr, UnaryOp};
use super::error::SqlError;
use super::parser::{BRACKET, MAX_HEIGHT, OPERATOR, Parser, too_complex};
use super::token::TokenKind;
use super::value::{Number, Value};

/// An expression and the height of its tree. It is boxed to keep the parser's stack low.
pub(super) struct Node {
    pub(super) expr: Box<Expr>,
    pub(super) height: usize,
}

/// How tightly `NOT` binds: looser than comparisons, tighter than `AND`.
const NOT: u8 = 2;
/// How tightly comparisons bind, and with them `IN`, `BETWEEN` and `LIKE`.
const COMPARISON: u8 = 3;
/// Chains of `AND`, `OR` and `||` that are longer become balanced trees, which mean the same and stay low.
const MAX_CHAIN: usize = 64;

impl Node {
    pub(super) fn leaf(expr: Expr) -> Self {
        Self { expr: Box::new(expr), height: 1 }
    }

    /// A node above others, the highest of which has this height.
    pub(super) fn above(height: usize, expr: Expr) -> Result<Self, SqlError> {
        // The subtrees are within the bound, so that dropping them is safe.
        if height >= MAX_HEIGHT {
            return Err(too_complex());
        }
        Ok(Self { expr: Box::new(expr), height: height + 1 })
    }

    fn under(self, op: UnaryOp) -> Result<Self, SqlError> {
        Self::above(self.height, Expr::Unary(op, self.expr))
    }

    fn binary(op: BinaryOp, left: Self, right: Self) -> Result<Self, SqlError> {
        Self::above(left.height.max(right.height), Expr::Binary(op, left.expr, right.expr))
    }

    fn conditional(condition: Self, yes: Self, no: Self) -> Result<Self, SqlError> {
        let height = condition.height.max(yes.height).max(no.height);
        Self::above(height, Expr::Conditional(condition.expr, yes.expr, no.expr))
    }
}

/// What waits for the operand on the right of a `??` or a `:`.
enum Pending {
    Coalesce(Node),
    Conditional(Node, Node),
}

impl Parser<'_> {
    /// `condition ? a : b`, `a ?? b`, or what binds tighter.
    pub(super) fn expression(&mut self) -> Result<Node, SqlError> {
        self.enter(BRACKET)?;
        let mut pending = Vec::new();
        let mut last = self.operation(0)?;
        loop {
            if self.eat("??") {
                pending.push(Pending::Coalesce(last));
            } else if self.eat("?") {
                let yes = self.expression()?;
                self.expect(":")?;
                pending.push(Pending::Conditional(last, yes));
            } else {
                break;
            }
            last = self.operation(0)?;
        }
        self.leave(BRACKET);
        pending.into_iter().rev().try_fold(last, |right, left| match left {
            Pending::Coalesce(left) => Node::binary(BinaryOp::Coalesce, left, right),
            Pending::Conditional(condition, yes) => Node::conditional(condition, yes, right),
        })
    }

    /// Operators that bind at least as tightly as `minimum`, by precedence climbing.
    fn operation(&mut self, minimum: u8) -> Result<Node, SqlError> {
        let mut left = self.operand(minimum)?;
        loop {
            if minimum <= COMPARISON
                && let Some(negated) = self.predicate_ahead()
            {
                left = self.predicate(left, negated)?;
                continue;
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
            self.enter(OPERATOR)?;
            terms.push(self.operation(level + 1)?);
            self.leave(OPERATOR);
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
        let mut count = 0;
        while minimum <= NOT && self.eat_keyword("NOT") {
            count += 1;
        }
        if count == 0 {
            return self.unary();
        }
        let node = self.operation(NOT)?;
        (0..count).try_fold(node, |node, _| node.under(UnaryOp::Not))
    }

    /// Prefixes and what they apply to, the last one first.
    fn unary(&mut self) -> Result<Node, SqlError> {
        let mut prefixes = Vec::new();
        while let Some(op) = self.prefix() {
            self.skip();
            prefixes.push(op);
        }
        let mut node = if prefixes.last() == Some(&UnaryOp::Negate) && self.at_smallest_integer() {
            self.skip();
            prefixes.pop();
            Node::leaf(Expr::Literal(Value::from(i64::MIN)))
        } else {
            self.postfix()?
        };
        for op in prefixes.into_iter().rev() {
            node = match (op, positive(&node.expr)) {
                (UnaryOp::Negate, Some(number)) => {
                    Node::leaf(Expr::Literal(Value::Number(negative(number))))
                }
                _ => node.under(op)?,
            };
        }
        Ok(node)
    }

    fn prefix(&self) -> Option<UnaryOp> {
        match self.peek() {
            TokenKind::Sign("-") => Some(UnaryOp::Negate),
            TokenKind::Sign("+") => Some(UnaryOp::Plus),
            TokenKind::Sign("~") => Some(UnaryOp::BitNot),
            TokenKind::Keyword("NOT") => Some(UnaryOp::Not),
            _ => None,
        }
    }

    /// Whether the next token is 2^63, which only its negative can keep exactly.
    fn at_smallest_integer(&self) -> bool {
        matches!(self.peek(), TokenKind::Number(_)) && self.written() == "9223372036854775808"
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
        if negated {
            self.skip();
        }
        if self.eat_keyword("IN") {
            return self.in_list(left, negated);
        }
        if self.eat_keyword("BETWEEN") {
            return self.between(left, negated);
        }
        self.expect_keyword("LIKE")?;
        self.like(left, negated)
    }

    fn in_list(&mut self, needle: Node, negated: bool) -> Result<Node, SqlError> {
        self.expect("(")?;
        let nodes = self.list(Self::expression)?;
        self.expect(")")?;
        let height = nodes.iter().map(|node| node.height).fold(needle.height, usize::max);
        let list = nodes.into_iter().map(|node| *node.expr).collect();
        Node::above(height, Expr::In { needle: needle.expr, list, negated })
    }

    fn between(&mut self, value: Node, negated: bool) -> Result<Node, SqlError> {
        let low = self.operation(COMPARISON + 1)?;
        self.expect_keyword("AND")?;
        let high = self.operation(COMPARISON + 1)?;
        let height = value.height.max(low.height).max(high.height);
        let [value, low, high] = [value, low, high].map(|node| node.expr);
        Node::above(height, Expr::Between { value, low, high, negated })
    }

    fn like(&mut self, value: Node, negated: bool) -> Result<Node, SqlError> {
        let pattern = self.operation(COMPARISON + 1)?;
        let escape = self.escape()?;
        let height = value.height.max(pattern.height);
        let [value, pattern] = [value, pattern].map(|node| node.expr);
        Node::above(height, Expr::Like { value, pattern, escape, negated })
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
