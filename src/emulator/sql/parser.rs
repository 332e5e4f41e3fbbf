//! Reads a query's text into the syntax tree.
//!
//! The tokens and the clauses are here, scalar expressions in [`super::expression`] and [`super::operand`]. Nesting is bounded, both that of
//! the text and the height of the tree, so that neither this parser nor anyone who walks the tree runs out of stack.

use std::mem;
use std::sync::Arc;

use super::ast::{
    Collection, Count, Direction, Expr, From, OrderBy, OrderItem, Projection, Query, Select,
    SelectItem, Source, Span, Step, Window,
};
use super::error::{Problem, SqlError};
use super::lexer::tokens;
use super::token::{Fault, Token, TokenKind, is_soft};
use super::value::Number;

/// The longest text that the service takes, in bytes.
pub(crate) const MAX_TEXT: usize = 524_288;
/// How high an expression's tree may be.
pub(super) const MAX_HEIGHT: usize = 128;
/// How deep the parser may go, in steps.
const MAX_NESTING: usize = 512;
/// The steps of brackets or a subquery, which thus may be nested 128 times.
pub(super) const BRACKET: usize = 4;
/// The steps of an operator's right operand.
pub(super) const OPERATOR: usize = 1;

/// The syntax tree of a query.
pub(crate) fn parse(text: &str) -> Result<Query, SqlError> {
    if text.len() > MAX_TEXT {
        return Err(SqlError::Refused(format!(
            "The SQL query text exceeded the maximum limit of {MAX_TEXT} characters."
        )));
    }
    let mut parser = Parser::new(text);
    let query = parser.query()?;
    if parser.peek() != &TokenKind::End {
        return Err(parser.unexpected());
    }
    match parser.mistake {
        Some(problem) => Err(SqlError::Compile(vec![problem])),
        None => Ok(*query),
    }
}

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    position: usize,
    nesting: usize,
    /// The highest expression of the query that is being read.
    height: usize,
    /// The first mistake that is not one of syntax: those count first, wherever they stand.
    mistake: Option<Problem>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        let tokens = tokens(text);
        Self { text, tokens, position: 0, nesting: 0, height: 0, mistake: None }
    }

    /// A subquery, and the height of the highest expression in it.
    pub(super) fn subquery(&mut self) -> Result<(Box<Query>, usize), SqlError> {
        let outer = mem::take(&mut self.height);
        self.enter(BRACKET)?;
        let query = self.query()?;
        self.leave(BRACKET);
        let height = mem::replace(&mut self.height, outer);
        Ok((query, height))
    }

    fn query(&mut self) -> Result<Box<Query>, SqlError> {
        self.expect_keyword("SELECT")?;
        let distinct = self.eat_keyword("DISTINCT");
        let top = if self.eat_keyword("TOP") { Some(self.count()?) } else { None };
        let star = self.span();
        let projection = self.projection()?;
        let select = Select { distinct, top, projection };
        let from = if self.eat_keyword("FROM") { Some(self.from()?) } else { None };
        let filter = if self.eat_keyword("WHERE") { Some(self.scalar()?) } else { None };
        let group_by = self.group_by()?;
        if select.projection == Projection::Star {
            self.check_star(star, from.as_ref(), !group_by.is_empty());
        }
        let order_by = self.order_by()?;
        let window = self.window()?;
        Ok(Box::new(Query { select, from, filter, group_by, order_by, window }))
    }

    fn projection(&mut self) -> Result<Projection, SqlError> {
        if self.eat("*") {
            return Ok(Projection::Star);
        }
        if self.eat_keyword("VALUE") {
            return Ok(Projection::Value(self.scalar()?));
        }
        Ok(Projection::List(self.list(Self::select_item)?))
    }

    fn check_star(&mut self, star: Span, from: Option<&From>, grouped: bool) {
        match from {
            None => {
                let message = "'SELECT *' is not valid if FROM clause is omitted.";
                self.note(star, "SC2040", message.into());
            }
            Some(from) if !from.joins.is_empty() => {
                let message = "'SELECT *' is only valid with a single input set.";
                self.note(star, "SC2040", message.into());
            }
            Some(_) if grouped => {
                self.note(star, "SC2041", "'SELECT *' is not allowed with GROUP BY.".into());
            }
            Some(_) => {}
        }
    }

    fn select_item(&mut self) -> Result<SelectItem, SqlError> {
        let start = self.span().start;
        let expr = self.scalar()?;
        let whole = start..self.last_end();
        let at = self.position + usize::from(self.at_keyword("AS"));
        let alias = self.alias()?;
        let span = match (&alias, self.tokens.get(at)) {
            (Some(_), Some(token)) => token.span.clone(),
            _ => whole,
        };
        Ok(SelectItem { expr, alias, span })
    }

    /// `[[AS] name]`
    fn alias(&mut self) -> Result<Option<Arc<str>>, SqlError> {
        if self.eat_keyword("AS") {
            return self.name().map(Some);
        }
        Ok(self.eat_name())
    }

    fn from(&mut self) -> Result<From, SqlError> {
        let source = self.source()?;
        let mut joins = Vec::new();
        while self.eat_keyword("JOIN") {
            joins.push(self.source()?);
        }
        Ok(From { source, joins })
    }

    fn source(&mut self) -> Result<Source, SqlError> {
        if matches!(self.peek_after(1), Some(TokenKind::Keyword("IN"))) {
            let alias = self.name()?;
            self.expect_keyword("IN")?;
            let is_call = matches!(self.peek_after(1), Some(TokenKind::Sign("(")));
            let collection =
                if is_call && !self.at("(") { self.called()? } else { self.collection()? };
            return Ok(Source::Iterate { alias, collection });
        }
        let collection = self.collection()?;
        Ok(Source::Alias { collection, alias: self.alias()? })
    }

    fn collection(&mut self) -> Result<Collection, SqlError> {
        if self.eat("(") {
            let (query, height) = self.subquery()?;
            self.height = self.height.max(height);
            self.expect(")")?;
            return Ok(Collection::Subquery(query));
        }
        let span = self.span();
        let root = self.name()?;
        let mut steps = Vec::new();
        while let Some(step) = self.step()? {
            steps.push(step);
        }
        Ok(Collection::Path { root, steps, span })
    }

    /// A function that gives the array: the same as a subquery that selects its value.
    fn called(&mut self) -> Result<Collection, SqlError> {
        let projection = Projection::Value(self.scalar()?);
        let select = Select { distinct: false, top: None, projection };
        let (from, filter, group_by, order_by, window) = (None, None, Vec::new(), None, None);
        let query = Query { select, from, filter, group_by, order_by, window };
        Ok(Collection::Subquery(Box::new(query)))
    }

    fn step(&mut self) -> Result<Option<Step>, SqlError> {
        if self.eat(".") {
            return Ok(Some(Step::Property(self.name()?)));
        }
        if !self.eat("[") {
            return Ok(None);
        }
        let step = match self.peek() {
            TokenKind::String(name) => Step::Quoted(name.clone()),
            TokenKind::Number(Number::Int(index)) if *index >= 0 => {
                Step::Index(index.unsigned_abs())
            }
            _ => return Err(self.unexpected()),
        };
        self.position += 1;
        self.expect("]")?;
        Ok(Some(step))
    }

    fn group_by(&mut self) -> Result<Vec<Expr>, SqlError> {
        if !self.eat_keyword("GROUP") {
            return Ok(Vec::new());
        }
        self.expect_keyword("BY")?;
        self.list(Self::scalar)
    }

    fn order_by(&mut self) -> Result<Option<OrderBy>, SqlError> {
        if !self.eat_keyword("ORDER") {
            return Ok(None);
        }
        self.expect_keyword("BY")?;
        if self.rank_ahead() {
            self.skip();
            return Ok(Some(OrderBy::Rank(self.scalar()?)));
        }
        Ok(Some(OrderBy::Items(self.list(Self::order_item)?)))
    }

    /// Whether `RANK` comes next as a word of the clause rather than as an alias.
    fn rank_ahead(&self) -> bool {
        let operand = matches!(
            self.peek_after(1),
            Some(TokenKind::Name(_) | TokenKind::Keyword(_) | TokenKind::Sign("("))
        );
        operand && self.at_keyword("RANK")
    }

    fn order_item(&mut self) -> Result<OrderItem, SqlError> {
        let start = self.span().start;
        let expr = self.scalar()?;
        let span = start..self.last_end();
        let direction = if self.eat_keyword("ASC") {
            Some(Direction::Ascending)
        } else if self.eat_keyword("DESC") {
            Some(Direction::Descending)
        } else {
            None
        };
        Ok(OrderItem { expr, direction, span })
    }

    fn window(&mut self) -> Result<Option<Window>, SqlError> {
        if !self.eat_keyword("OFFSET") {
            return Ok(None);
        }
        let offset = self.count()?;
        self.expect_keyword("LIMIT")?;
        Ok(Some(Window { offset, limit: self.count()? }))
    }

    fn count(&mut self) -> Result<Count, SqlError> {
        let span = self.span();
        let count = match self.peek() {
            TokenKind::Number(number) => Count::Number(*number, span),
            TokenKind::Parameter(name) => Count::Parameter(name.clone(), span),
            _ => return Err(self.unexpected()),
        };
        self.position += 1;
        Ok(count)
    }

    /// One or more of these, with commas between them.
    pub(super) fn list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        let mut items = vec![item(self)?];
        while self.eat(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// A whole expression of a clause.
    fn scalar(&mut self) -> Result<Expr, SqlError> {
        let node = self.expression()?;
        self.height = self.height.max(node.height);
        Ok(*node.expr)
    }
}

/// What the rules of clauses and expressions are made of.
impl Parser<'_> {
    pub(super) fn peek(&self) -> &TokenKind {
        self.peek_after(0).unwrap_or(&TokenKind::End)
    }

    pub(super) fn peek_after(&self, count: usize) -> Option<&TokenKind> {
        self.tokens.get(self.position + count).map(|token| &token.kind)
    }

    /// Where the next token stands.
    pub(super) fn span(&self) -> Span {
        self.tokens.get(self.position).map_or(0..0, |token| token.span.clone())
    }

    /// Where the token before the next one ends.
    pub(super) fn last_end(&self) -> usize {
        let last = self.position.checked_sub(1).and_then(|index| self.tokens.get(index));
        last.map_or(0, |token| token.span.end)
    }

    pub(super) fn skip(&mut self) {
        self.position += 1;
    }

    pub(super) fn at(&self, sign: &str) -> bool {
        matches!(self.peek(), TokenKind::Sign(found) if *found == sign)
    }

    pub(super) fn eat(&mut self, sign: &str) -> bool {
        let found = self.at(sign);
        self.position += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), SqlError> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn at_keyword(&self, word: &str) -> bool {
        matches!(self.peek(), TokenKind::Keyword(found) if *found == word)
    }

    pub(super) fn eat_keyword(&mut self, word: &str) -> bool {
        let found = self.at_keyword(word);
        self.position += usize::from(found);
        found
    }

    pub(super) fn expect_keyword(&mut self, word: &str) -> Result<(), SqlError> {
        if self.eat_keyword(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The next token as an identifier, if it can be one.
    pub(super) fn eat_name(&mut self) -> Option<Arc<str>> {
        let name = match self.peek() {
            TokenKind::Name(name) => name.clone(),
            TokenKind::Keyword(word) if is_soft(word) => self.written().into(),
            _ => return None,
        };
        self.position += 1;
        Some(name)
    }

    pub(super) fn name(&mut self) -> Result<Arc<str>, SqlError> {
        self.eat_name().ok_or_else(|| self.unexpected())
    }

    /// The next token as it is written.
    pub(super) fn written(&self) -> &str {
        let token = self.tokens.get(self.position);
        token.and_then(|token| self.text.get(token.bytes.clone())).unwrap_or_default()
    }

    /// Goes deeper by so many steps. After an error nobody comes back.
    pub(super) fn enter(&mut self, steps: usize) -> Result<(), SqlError> {
        self.nesting += steps;
        if self.nesting > MAX_NESTING {
            return Err(too_complex());
        }
        Ok(())
    }

    pub(super) fn leave(&mut self, steps: usize) {
        self.nesting -= steps;
    }

    /// Keeps a mistake that is not one of syntax, unless there is one already.
    pub(super) fn note(&mut self, span: Span, code: &'static str, message: String) {
        self.mistake.get_or_insert(Problem { code, message, span: Some(span) });
    }

    /// The error that the next token cannot stand where it does.
    pub(super) fn unexpected(&self) -> SqlError {
        let (written, span) = (self.written(), self.span());
        let (code, message) = match self.peek() {
            TokenKind::End => ("SC1002", "Syntax error, unexpected end-of-file.".into()),
            TokenKind::Invalid(Fault::Sign) => {
                ("SC1010", format!("Syntax error, invalid token '{written}'."))
            }
            TokenKind::Invalid(Fault::Number) => {
                ("SC1011", format!("Syntax error, invalid numeric value token '{written}'."))
            }
            TokenKind::Invalid(Fault::String) => {
                ("SC1012", format!("Syntax error, invalid string literal token '{written}'."))
            }
            _ => ("SC1001", format!("Syntax error, incorrect syntax near '{written}'.")),
        };
        SqlError::at(span, code, message)
    }
}

/// The error of a query that is nested too deeply.
pub(super) fn too_complex() -> SqlError {
    SqlError::Refused("The SQL query is nested too deeply.".into())
}

#[cfg(test)]
mod tests;
