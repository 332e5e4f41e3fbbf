//! Reads operands: the third part of the [parser](super::parser).

use std::collections::HashSet;
use std::sync::Arc;

use super::ast::{Expr, Quantifier, Query, Span};
use super::error::SqlError;
use super::expression::Node;
use super::parser::Parser;
use super::token::{TokenKind, is_soft};
use super::value::{Number, Value};

impl Parser<'_> {
    pub(super) fn postfix(&mut self) -> Result<Node, SqlError> {
        let mut node = self.primary()?;
        loop {
            if self.eat(".") {
                let name = self.name()?;
                node = Node::above(node.height, Expr::Property(node.expr, name))?;
            } else if self.eat("[") {
                let index = self.expression()?;
                self.expect("]")?;
                let height = node.height.max(index.height);
                let expr = Expr::Index(node.expr, index.expr);
                node = Node::above(height, expr)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn primary(&mut self) -> Result<Node, SqlError> {
        if let Some(expr) = self.literal() {
            self.skip();
            return Ok(Node::leaf(expr));
        }
        match self.peek() {
            TokenKind::Sign("(") => self.bracketed(),
            TokenKind::Sign("[") => self.array(),
            TokenKind::Sign("{") => self.object(),
            TokenKind::Keyword("UDF") => self.user_function(),
            TokenKind::Keyword(word) => {
                let word = *word;
                self.keyword_expression(word)
            }
            TokenKind::Name(_) => self.name_or_call(),
            _ => Err(self.unexpected()),
        }
    }

    /// The literal or parameter that the next token is.
    fn literal(&self) -> Option<Expr> {
        Some(Expr::Literal(match self.peek() {
            TokenKind::Parameter(name) => return Some(Expr::Parameter(name.clone())),
            TokenKind::Number(number) => Value::Number(*number),
            TokenKind::String(text) => Value::String(text.clone()),
            TokenKind::Placeholder | TokenKind::Keyword("TRUE") => Value::Bool(true),
            TokenKind::Keyword("FALSE") => Value::Bool(false),
            TokenKind::Keyword("NULL") => Value::Null,
            TokenKind::Keyword("UNDEFINED") => Value::Undefined,
            _ => return None,
        }))
    }

    /// An identifier, or the call of a function by that name.
    fn name_or_call(&mut self) -> Result<Node, SqlError> {
        let span = self.span();
        if matches!(self.peek_after(1), Some(TokenKind::Sign("("))) {
            let name = self.written().into();
            self.skip();
            return self.call(name, false, span.start);
        }
        let name = self.name()?;
        Ok(Node::leaf(match &*name {
            "NaN" => Expr::Literal(Value::Number(Number::Float(f64::NAN))),
            "Infinity" => Expr::Literal(Value::Number(Number::Float(f64::INFINITY))),
            _ => Expr::Name(name, span),
        }))
    }

    /// `EXISTS(…)` and its like, `LEFT(…)` and `RIGHT(…)`, or a reserved word that serves as a name.
    fn keyword_expression(&mut self, word: &str) -> Result<Node, SqlError> {
        let called = matches!(self.peek_after(1), Some(TokenKind::Sign("(")));
        let queried = called && matches!(self.peek_after(2), Some(TokenKind::Keyword("SELECT")));
        match word {
            "EXISTS" if queried => self.over_query(Expr::Exists),
            "ARRAY" if queried => self.over_query(Expr::ArrayOf),
            "ALL" if queried => self.over_query(|it| Expr::Quantified(Quantifier::All, it)),
            "FIRST" if queried => self.over_query(|it| Expr::Quantified(Quantifier::First, it)),
            "LAST" if queried => self.over_query(|it| Expr::Quantified(Quantifier::Last, it)),
            "LEFT" | "RIGHT" if called => self.name_or_call(),
            "EXISTS" | "ARRAY" => {
                self.skip();
                self.expect("(")?;
                Err(self.unexpected())
            }
            _ => self.name_or_call_if(is_soft(word)),
        }
    }

    fn name_or_call_if(&mut self, allowed: bool) -> Result<Node, SqlError> {
        if allowed { self.name_or_call() } else { Err(self.unexpected()) }
    }

    /// A word and a query in brackets.
    fn over_query(&mut self, make: fn(Box<Query>) -> Expr) -> Result<Node, SqlError> {
        self.skip();
        self.in_brackets(make)
    }

    fn in_brackets(&mut self, make: fn(Box<Query>) -> Expr) -> Result<Node, SqlError> {
        self.expect("(")?;
        let (query, height) = self.subquery()?;
        self.expect(")")?;
        Node::above(height, make(query))
    }

    /// `udf.name(…)`
    fn user_function(&mut self) -> Result<Node, SqlError> {
        let start = self.span().start;
        self.skip();
        self.expect(".")?;
        let name = self.name()?;
        if !self.at("(") {
            return Err(self.unexpected());
        }
        self.call(name, true, start)
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
        if matches!(self.peek_after(1), Some(TokenKind::Keyword("SELECT"))) {
            return self.in_brackets(Expr::Subquery);
        }
        self.skip();
        let node = self.expression()?;
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
        Ok((nodes.into_iter().map(|node| *node.expr).collect(), height))
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
        let mut seen = HashSet::with_capacity(members.len());
        for (name, span, node) in members {
            if !seen.insert(name.clone()) {
                self.note(span, "SC2022", repeated(&name));
            }
            height = height.max(node.height);
            properties.push((name, *node.expr));
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
}

/// The message of a name that an object has twice.
pub(super) fn repeated(name: &str) -> String {
    format!("Object creation error, property name '{name}' specified more than once.")
}
