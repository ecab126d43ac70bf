//! Looks into an entity of openmls through its serialisation, without encoding what is passed over.
//!
//! The types are private to openmls; their fields and elements can be visited because serde hands each of them
//! to the serializer, which may decide not to look at it.

use serde::ser::{Impossible, Serialize, SerializeSeq, SerializeStruct, Serializer};

use super::StorageError;

/// Is given the fields of a struct, or the elements of a sequence.
pub(super) trait Visit {
    /// The sequence has this many elements.
    fn length(&mut self, _length: usize) {}

    /// The field of this name; or the element of this index, with an empty name.
    fn visit<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        index: usize,
        value: &T,
    ) -> Result<(), StorageError>;
}

/// Visits the fields of `value`, a struct, or its elements, if it is a sequence.
pub(super) fn walk<T: Serialize + ?Sized>(value: &T, visit: &mut impl Visit) -> Result<(), StorageError> {
    value.serialize(Walker(visit)).map(|_| ())
}

/// Whether `value`, an option, is something.
pub(super) fn is_some<T: Serialize + ?Sized>(value: &T) -> Result<bool, StorageError> {
    value.serialize(Walker(&mut Nobody))
}

struct Nobody;

impl Visit for Nobody {
    fn visit<T: Serialize + ?Sized>(&mut self, _: &'static str, _: usize, _: &T) -> Result<(), StorageError> {
        unexpected()
    }
}

fn unexpected<T>() -> Result<T, StorageError> {
    Err(StorageError::Encode("the message secrets have another shape than expected".to_owned()))
}

struct Walker<'a, V>(&'a mut V);

struct Members<'a, V> {
    visit: &'a mut V,
    index: usize,
}

impl<V: Visit> SerializeStruct for Members<'_, V> {
    type Ok = bool;
    type Error = StorageError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), StorageError> {
        self.index += 1;
        self.visit.visit(name, self.index - 1, value)
    }

    fn end(self) -> Result<bool, StorageError> {
        Ok(true)
    }
}

impl<V: Visit> SerializeSeq for Members<'_, V> {
    type Ok = bool;
    type Error = StorageError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StorageError> {
        self.index += 1;
        self.visit.visit("", self.index - 1, value)
    }

    fn end(self) -> Result<bool, StorageError> {
        Ok(true)
    }
}

macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$ok, StorageError> { unexpected() })*
    };
}

type No = Impossible<bool, StorageError>;

impl<'a, V: Visit> Serializer for Walker<'a, V> {
    type Ok = bool;
    type Error = StorageError;
    type SerializeSeq = Members<'a, V>;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = Members<'a, V>;
    type SerializeStructVariant = No;

    fn serialize_none(self) -> Result<bool, StorageError> {
        Ok(false)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<bool, StorageError> {
        Ok(true)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Members<'a, V>, StorageError> {
        let Some(length) = length else { return unexpected() };
        self.0.length(length);
        Ok(Members { visit: self.0, index: 0 })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a, V>, StorageError> {
        Ok(Members { visit: self.0, index: 0 })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<bool, StorageError> {
        unexpected()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<bool, StorageError> {
        unexpected()
    }

    refuse! {
        serialize_bool(bool) -> bool;
        serialize_i8(i8) -> bool;
        serialize_i16(i16) -> bool;
        serialize_i32(i32) -> bool;
        serialize_i64(i64) -> bool;
        serialize_u8(u8) -> bool;
        serialize_u16(u16) -> bool;
        serialize_u32(u32) -> bool;
        serialize_u64(u64) -> bool;
        serialize_f32(f32) -> bool;
        serialize_f64(f64) -> bool;
        serialize_char(char) -> bool;
        serialize_str(&str) -> bool;
        serialize_bytes(&[u8]) -> bool;
        serialize_unit() -> bool;
        serialize_unit_struct(&'static str) -> bool;
        serialize_unit_variant(&'static str, u32, &'static str) -> bool;
        serialize_tuple(usize) -> No;
        serialize_tuple_struct(&'static str, usize) -> No;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> No;
        serialize_map(Option<usize>) -> No;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> No;
    }
}
