"""BOAMP: public tenders and awards."""
